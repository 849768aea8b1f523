package main

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// benchBar is a progress bar that shows on a terminal only. Its methods can be called from any goroutine.
type benchBar struct {
	bar  *progressbar.ProgressBar
	stop func()
}

// newBar makes a bar that shows on a terminal only; a total of -1 makes a spinner.
func newBar(w io.Writer, title string, total int64, options ...progressbar.Option) *progressbar.ProgressBar {
	file, isFile := w.(*os.File)
	return progressbar.NewOptions64(total, append(options,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetVisibility(isFile && term.IsTerminal(int(file.Fd()))),
		progressbar.OptionSetDescription(title),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)...)
}

// countBar advances by what add is told.
func (b *bencher) countBar(title string, total int) *benchBar {
	return &benchBar{
		bar:  newBar(b.notes, title, int64(total), progressbar.OptionShowCount(), progressbar.OptionShowIts()),
		stop: func() {},
	}
}

// timeBar advances with the clock, warm-up included.
func (b *bencher) timeBar(title string, t benchTime) *benchBar {
	bar := newBar(b.notes, title, int64((t.Warmup+t.Duration)/time.Millisecond), progressbar.OptionSetPredictTime(false))
	ended := make(chan struct{})
	var ticking sync.WaitGroup
	ticking.Go(func() {
		const step = 200 * time.Millisecond
		ticker := time.NewTicker(step)
		defer ticker.Stop()
		for {
			select {
			case <-ended:
				return
			case <-ticker.C:
				_ = bar.Add64(int64(step / time.Millisecond)) // a bar that cannot be drawn is not worth stopping for
			}
		}
	})
	return &benchBar{bar: bar, stop: sync.OnceFunc(func() {
		close(ended)
		ticking.Wait()
	})}
}

func (p *benchBar) add(n int) {
	_ = p.bar.Add(n) // as above
}

// close wipes the bar; closing twice does no harm.
func (p *benchBar) close() {
	p.stop()
	_ = p.bar.Clear() // as above
}
