package server

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// paced is a body of pieces that each take a while to come, and a connection that notes deadlines.
type paced struct {
	*httptest.ResponseRecorder
	piece     int
	wait      time.Duration
	remaining int
	deadline  time.Time
	late      bool // a read or write would have been cut
}

func (p *paced) SetReadDeadline(t time.Time) error  { p.deadline = t; return nil }
func (p *paced) SetWriteDeadline(t time.Time) error { p.deadline = t; return nil }
func (p *paced) Close() error                       { return nil }

func (p *paced) Read(b []byte) (int, error) {
	if p.remaining == 0 {
		return 0, io.EOF
	}
	time.Sleep(p.wait)
	p.late = p.late || time.Now().After(p.deadline)
	p.remaining--
	return min(len(b), p.piece), nil
}

func (p *paced) Write(b []byte) (int, error) {
	time.Sleep(p.wait)
	p.late = p.late || time.Now().After(p.deadline) || len(b) > writePiece
	return len(b), nil
}

func TestGuardedBodyCountsOnlyTheWait(t *testing.T) {
	for name, test := range map[string]struct {
		piece int
		wait  time.Duration
		think time.Duration
		late  bool
	}{
		"steady pieces may take any time in all":   {piece: readProgress, wait: 9 * time.Second},
		"a handler may think between its reads":    {piece: readProgress, wait: time.Second, think: time.Hour},
		"small pieces must add up within the idle": {piece: readProgress / 16, wait: time.Second, late: true},
		"small quick pieces pass":                  {piece: readProgress / 16, wait: time.Second / 2},
		"one long wait is too long":                {piece: readProgress, wait: 11 * time.Second, late: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := &paced{ResponseRecorder: httptest.NewRecorder(), piece: test.piece, wait: test.wait, remaining: 100}
				body := &guardedBody{
					ReadCloser: conn, control: http.NewResponseController(conn), idle: 10 * time.Second, left: 10 * time.Second,
				}
				for buf := make([]byte, 2*readProgress); ; time.Sleep(test.think) {
					if _, err := body.Read(buf); err != nil {
						break
					}
				}
				if conn.late != test.late {
					t.Errorf("cut: %t, want %t", conn.late, test.late)
				}
			})
		})
	}
}

func TestGuardedWriterMovesWithProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := &paced{ResponseRecorder: httptest.NewRecorder(), wait: 9 * time.Second}
		w := &guardedWriter{ResponseWriter: conn, control: http.NewResponseController(conn), idle: 10 * time.Second}
		for range 3 {
			if n, err := w.Write(bytes.Repeat([]byte("x"), 10*writePiece+1)); n != 10*writePiece+1 || err != nil {
				t.Fatalf("wrote %d: %v", n, err)
			}
			time.Sleep(time.Hour)
		}
		if conn.late {
			t.Error("a piece in time was cut, or was too large")
		}
	})
}
