package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"acquis/connectors/connectortest/fakeserver"
	"acquis/connectors/connectortest/openclassroomsfake"
	"acquis/connectors/connectortest/pixfake"
)

// BenchmarkConnect pulls from made-up providers that run beside the program, without a limit on requests: first
// everything, then again when nothing has changed, then everything anew. docs/performance.md has its figures.
func BenchmarkConnect(b *testing.B) {
	later := func() time.Time { return time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) }
	for _, rows := range []int{20_000, 200_000, 1_000_000} {
		b.Run(fmt.Sprintf("pix-%d", rows), func(b *testing.B) {
			world := pixfake.New(pixfake.Options{Now: later, Campaigns: 5, Participations: rows / 10})
			connectBench(b, "pix", world.Handler(), `{"baseUrl":%q,"clientId":"hub-campus"}`)
		})
	}
	b.Run("openclassrooms-600", func(b *testing.B) {
		world := openclassroomsfake.New(openclassroomsfake.Options{Now: later, Members: 600})
		connectBench(b, "openclassrooms", world.Handler(), `{"baseUrl":%q,"organisation":"campus","auth":{"clientId":"hub-campus"}}`)
	})
}

// connectBench pulls thrice, and reports how long each took and the most memory that was resident.
func connectBench(b *testing.B, kind string, handler http.Handler, settings string) {
	fake, err := fakeserver.Start(handler)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = fake.Close() }()
	at, err := url.Parse(fake.URL)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		p := serve(b, []string{
			"ACQUIS_ROOT_KEY=boss", "ACQUIS_ROOT_SECRET=open-sesame", "CONNECT_PIX_SECRET=secret", "CONNECT_OPENCLASSROOMS_SECRET=secret",
			"ACQUIS_CONNECT_PRIVATE=" + at.Host, "ACQUIS_CONNECT_RATE=0",
		}, "--data", b.TempDir())
		env := moveEnv(p)
		body, err := json.Marshal(map[string]any{"name": "measured", "kind": kind, "settings": json.RawMessage(fmt.Sprintf(settings, fake.URL))})
		if err != nil {
			b.Fatal(err)
		}
		runs(b, env, "connect", "add", written(b, "connection.json", body))
		for _, pull := range [][2]string{{"first", "--every=100ms"}, {"again", "--every=100ms"}, {"sweep", "--full"}} {
			begun := time.Now()
			ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
			out, err := command(ctx, env, "connect", "run", "measured", pull[1]).CombinedOutput()
			cancel()
			if err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
			b.ReportMetric(time.Since(begun).Seconds(), pull[0]+"-s")
			b.Log(string(out))
			b.ReportMetric(residentPeak(b, p), pull[0]+"-peak-MiB")
		}
		p.kill()
	}
}

// residentPeak is the most memory, in MiB, that the process had resident so far.
func residentPeak(b *testing.B, p *serving) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				b.Fatal(err)
			}
			return kib / 1024
		}
	}
	b.Fatal("no VmHWM in the status of the process")
	return 0
}
