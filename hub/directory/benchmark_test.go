package directory_test

import (
	"strconv"
	"testing"

	"acquis/hub/directory"
	"acquis/lrs"
)

// BenchmarkObserve measures what it costs to be told of identities that are known, by 100 at a time.
func BenchmarkObserve(b *testing.B) {
	h := newHouse(b)
	var seen []directory.Sighting
	for i := range 100 {
		seen = append(seen, directory.Sighting{Key: account("https://pix.example", strconv.Itoa(i)), At: lrs.InstantOf(noon)})
	}
	if _, err := h.directory.Observe(b.Context(), seen); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := h.directory.Observe(b.Context(), seen); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(seen))/b.Elapsed().Seconds(), "sightings/s")
}

// BenchmarkObserve_new measures making identities that were never seen, by 100 at a time.
func BenchmarkObserve_new(b *testing.B) {
	h := newHouse(b)
	made := 0
	for b.Loop() {
		var seen []directory.Sighting
		for range 100 {
			made++
			seen = append(seen, directory.Sighting{Key: account("https://pix.example", strconv.Itoa(made)), At: lrs.InstantOf(noon)})
		}
		if _, err := h.directory.Observe(b.Context(), seen); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(made)/b.Elapsed().Seconds(), "identities/s")
}
