package mongostore

import (
	"io"
	"log/slog"
	"sync"
	"testing"

	"acquis/internal/mongotest"
)

func TestMark_rises_whoever_publishes_it(t *testing.T) {
	s, err := Open(t.Context(), Options{URI: mongotest.Database(t), Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for range 100 {
				if err := s.Ready(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { asking.Wait(); close(done) }()
	for last := int64(0); ; {
		var r writerRecord
		if err := s.writers.FindOne(t.Context(), byID(s.order.now().id)).Decode(&r); err != nil {
			t.Fatal(err)
		}
		if r.Mark < last {
			t.Fatalf("the mark went back from %d to %d", last, r.Mark)
		}
		last = r.Mark
		select {
		case <-done:
			return
		default:
		}
	}
}
