package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/sync/errgroup"

	"acquis/hub/archive"
	"acquis/lrs"
)

// importing is an import under way: one goroutine reads, some send, one takes note in the order of the file.
type importing struct {
	cmd     *ImportCmd
	asker   *asker
	from    *archived
	journal *journal
	advance func(int64)
}

// shipment is what goes in one request.
type shipment struct {
	lines       bytes.Buffer
	places      []lineAt // of the lines that are sent
	unread      []refusal
	attachments map[string]attachment
	attached    int64
	items       int
	answer      chan importAnswer // gets one answer
}

type lineAt struct {
	file string
	line int
}

// importAnswer is what the server says of a shipment.
type importAnswer struct {
	Stored   int `json:"stored"`
	Repeated int `json:"repeated"`
	Refused  []struct {
		Line       int             `json:"line"`
		ID         string          `json:"id"`
		Detail     string          `json:"detail"`
		Violations []lrs.Violation `json:"violations"`
	} `json:"refused"`
}

// The most that one request holds.
const (
	maxShipment = 8 << 20
	maxAttached = 64 << 20
)

func (i *importing) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	toSend, inOrder := make(chan *shipment), make(chan *shipment, i.cmd.InFlight)
	var unreadable error // the file breaks off: what comes before is still sent
	group.Go(func() error {
		defer close(toSend)
		defer close(inOrder)
		unreadable = i.read(func(s *shipment) error {
			for _, to := range []chan *shipment{inOrder, toSend} {
				select {
				case to <- s:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
		return ctx.Err()
	})
	for range i.cmd.InFlight {
		group.Go(func() error {
			for s := range toSend {
				answer, err := i.send(ctx, s)
				if err != nil {
					return err
				}
				s.answer <- answer
			}
			return nil
		})
	}
	group.Go(func() error { return i.takeNote(ctx, inOrder) })
	return cmp.Or(group.Wait(), unreadable)
}

// saveEvery is how often progress goes to disk.
const saveEvery = 200 * time.Millisecond

func (i *importing) takeNote(ctx context.Context, inOrder <-chan *shipment) error {
	saved := time.Now()
	for s := range inOrder {
		select {
		case answer := <-s.answer:
			if err := i.note(s, answer); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
		if time.Since(saved) > saveEvery {
			if err := i.journal.save(); err != nil {
				return err
			}
			saved = time.Now()
		}
	}
	return nil
}

func (i *importing) note(s *shipment, answer importAnswer) error {
	i.journal.Items += s.items
	i.journal.Stored += answer.Stored
	i.journal.Repeated += answer.Repeated
	for _, r := range s.unread {
		if err := i.journal.list(r); err != nil {
			return err
		}
	}
	var lines [][]byte
	if len(answer.Refused) > 0 {
		lines = bytes.Split(s.lines.Bytes(), []byte("\n"))
	}
	for _, r := range answer.Refused {
		if r.Line < 1 || r.Line > len(s.places) {
			return fmt.Errorf("the server refuses line %d of a request that has %d", r.Line, len(s.places))
		}
		at := s.places[r.Line-1]
		if err := i.journal.list(refusal{at.file, at.line, r.ID, r.Detail, r.Violations, string(lines[r.Line-1])}); err != nil {
			return err
		}
	}
	return nil
}

// read makes shipments of everything after what was dealt with before.
func (i *importing) read(ship func(*shipment) error) error {
	skip, s := i.journal.Items, newShipment()
	for _, part := range i.from.parts {
		err := i.readPart(part, &skip, func(item archive.Item) error {
			i.load(s, part, item)
			if s.items < i.cmd.Batch && s.lines.Len() < maxShipment && s.attached < maxAttached {
				return nil
			}
			full := s
			s = newShipment()
			return ship(full)
		})
		if err != nil {
			return errors.Join(err, i.shipRest(s, ship))
		}
	}
	return i.shipRest(s, ship)
}

func (i *importing) shipRest(s *shipment, ship func(*shipment) error) error {
	if s.items == 0 {
		return nil
	}
	return ship(s)
}

func newShipment() *shipment {
	return &shipment{attachments: map[string]attachment{}, answer: make(chan importAnswer, 1)}
}

func (i *importing) readPart(part string, skip *int, each func(archive.Item) error) error {
	file := os.Stdin
	if part != "-" {
		var err error
		if file, err = os.Open(part); err != nil {
			return err
		}
		defer file.Close()
	}
	reader, err := archive.NewReader(metered{file, i.advance})
	if err != nil {
		return fmt.Errorf("%s: %w", part, err)
	}
	for {
		item, err := reader.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", part, err)
		case *skip > 0:
			*skip--
			continue
		}
		if err := each(item); err != nil {
			return err
		}
	}
}

// load puts a value of a file into a shipment, on a line of its own.
func (i *importing) load(s *shipment, part string, item archive.Item) {
	s.items++
	file := ""
	if len(i.from.parts) > 1 {
		file = filepath.Base(part)
	}
	if item.Err != nil {
		s.unread = append(s.unread, refusal{File: file, Line: item.Line, Detail: item.Err.Error(), Violations: []lrs.Violation{}})
		return
	}
	statement := archive.Unwrap(item.Bytes)
	for _, a := range i.from.attachmentsOf(statement) {
		if _, there := s.attachments[a.sha2]; !there {
			s.attachments[a.sha2] = a
			s.attached += a.size
		}
	}
	at := s.lines.Len()
	s.lines.Write(statement)
	for b := s.lines.Bytes()[at:]; len(b) > 0; b = b[1:] { // a line end within valid JSON is white space
		n := bytes.IndexAny(b, "\n\r")
		if n < 0 {
			break
		}
		b[n], b = ' ', b[n:]
	}
	s.lines.WriteByte('\n')
	s.places = append(s.places, lineAt{file, item.Line})
}

// Waits between attempts to send a shipment while the server is away or busy.
const (
	sendAttempts = 8
	firstWait    = 250 * time.Millisecond
	longestWait  = 30 * time.Second
)

// send sends a shipment, again while that may help.
func (i *importing) send(ctx context.Context, s *shipment) (importAnswer, error) {
	if len(s.places) == 0 {
		return importAnswer{}, nil
	}
	pause := firstWait
	for attempt := 1; ; attempt++ {
		answer, again, err := i.sendOnce(ctx, s)
		if err == nil || again < 0 || attempt == sendAttempts || ctx.Err() != nil {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return importAnswer{}, ctx.Err()
		case <-time.After(min(max(pause, again), longestWait)):
		}
		pause *= 2
	}
}

// sendOnce sends a shipment. again is how long to wait before trying again, negative when that is of no use.
func (i *importing) sendOnce(ctx context.Context, s *shipment) (answer importAnswer, again time.Duration, err error) {
	body, contentType := s.body()
	defer body.Close()
	query := url.Values{"origin": {firstRunes(i.origin(), 200)}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, i.asker.base+"/api/import?"+query.Encode(), body)
	if err != nil {
		return answer, -1, err
	}
	if len(s.attachments) == 0 {
		r.ContentLength = int64(s.lines.Len())
	}
	r.SetBasicAuth(i.asker.key, i.asker.secret)
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("X-Experience-API-Version", i.cmd.XAPI)
	response, err := i.asker.client.Do(r)
	if err != nil {
		return answer, 0, fmt.Errorf("%s does not answer: %w", i.asker.base, err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, 256<<20))
	switch {
	case err != nil:
		return answer, 0, fmt.Errorf("%s broke off its answer: %w", i.asker.base, err)
	case response.StatusCode == http.StatusTooManyRequests || response.StatusCode >= http.StatusInternalServerError:
		return answer, retryAfter(response), refusalOf(response, content)
	case response.StatusCode != http.StatusOK:
		return answer, -1, refusalOf(response, content)
	}
	if err := json.Unmarshal(content, &answer); err != nil {
		return answer, -1, fmt.Errorf("%s answers something else than an acquis does", i.asker.base)
	}
	return answer, 0, nil
}

func (i *importing) origin() string {
	if i.cmd.Origin != "" {
		return i.cmd.Origin
	}
	return i.from.name
}

func firstRunes(s string, n int) string {
	if runes := []rune(s); len(runes) > n {
		return string(runes[:n])
	}
	return s
}

func retryAfter(response *http.Response) time.Duration {
	seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// body is what a request sends: the lines, and attachments as they are read from their files.
func (s *shipment) body() (body io.ReadCloser, contentType string) {
	const lines = "application/x-ndjson"
	if len(s.attachments) == 0 {
		return io.NopCloser(bytes.NewReader(s.lines.Bytes())), lines
	}
	out, in := io.Pipe()
	parts := multipart.NewWriter(in)
	go func() {
		w, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {lines}})
		if err == nil {
			_, err = w.Write(s.lines.Bytes())
		}
		for _, a := range s.attachments {
			if err == nil {
				err = writeFile(parts, a)
			}
		}
		if err == nil {
			err = parts.Close()
		}
		_ = in.CloseWithError(err) // always nil
	}()
	return out, "multipart/mixed; boundary=" + parts.Boundary()
}

func writeFile(parts *multipart.Writer, a attachment) error {
	file, err := os.Open(a.path)
	if err != nil {
		return err
	}
	defer file.Close()
	w, err := parts.CreatePart(textproto.MIMEHeader{
		"Content-Type": {"application/octet-stream"}, "Content-Transfer-Encoding": {"binary"}, "X-Experience-API-Hash": {a.sha2},
	})
	if err != nil {
		return err
	}
	_, err = io.Copy(w, file)
	return err
}
