package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"

	"acquis/internal/campus"
	"acquis/lrs"
)

var updatePlans = flag.Bool("update", false, "write the plans in testdata")

// planned is what acquis mongo plan prints.
func planned(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	parser, err := kong.New(new(mongoPlan), kong.Writers(&out, &out))
	if err != nil {
		t.Fatal(err)
	}
	command, err := parser.Parse(args)
	if err != nil {
		return "", err
	}
	err = command.Run()
	return out.String(), err
}

func TestMongoPlan(t *testing.T) {
	for name, args := range map[string][]string{
		"plan-60-million": {"--statements=60000000"},
		"plan-1-billion":  {"--statements=1000000000", "--shards=8", "--daily=5000000", "--database=lrs"},
	} {
		t.Run(name+" is what is printed", func(t *testing.T) {
			got, err := planned(t, args...)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name+".txt")
			if *updatePlans {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if !strings.Contains(got, "sh.shardCollection(") {
				t.Error("no sharding commands: " + got)
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("go test ./cmd/acquis -run TestMongoPlan -update writes it (-want +got):\n%s", diff)
			}
		})
	}
	for _, wrong := range []string{
		"--bytes=1200", "--statements=0", "--statements=2000000000000", "--statements=5 --bytes=99", "--statements=5 --bytes=20000000",
		"--statements=5 --terms=0", "--statements=5 --shards=0", "--statements=5 --daily=-1", "--statements=1000000000000 --bytes=10000000",
	} {
		t.Run(wrong+" is refused", func(t *testing.T) {
			if got, err := planned(t, strings.Fields(wrong)...); err == nil {
				t.Error(got)
			}
		})
	}
}

// TestScalePage holds that docs/scale.md shows what the plans say.
func TestScalePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/scale.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"plan-60-million", "plan-1-billion"} {
		t.Run("the page shows what a node needs by "+name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			_, nodes, found := strings.Cut(string(text), "\nIn all: ")
			nodes, _, ended := strings.Cut(nodes, "\n\nSharding, ")
			if !found || !ended || !strings.Contains(string(page), nodes) {
				t.Errorf("docs/scale.md lacks %q", nodes)
			}
		})
	}
}

func TestMongoSize(t *testing.T) {
	m := mongoSize{Statements: 1000, Bytes: 846, Terms: 12, Shards: 1, Daily: 10}
	t.Run("a document is its fields, terms and compressed bytes", func(t *testing.T) {
		// 118 of fields; 10 terms of 30 and 2 of 31; 57 % of 846 + 154.
		if got := m.document(); got != 118+300+62+570 {
			t.Error(got)
		}
	})
	t.Run("an index is its entries on pages that are two thirds full", func(t *testing.T) {
		sizes := map[string]int64{}
		for _, x := range m.indexes() {
			sizes[x.name] = x.bytes(m.Statements)
		}
		want := map[string]int64{"_id_": 1000 * 47 * 3 / 2, "t_1_s_-1": 1000 * 12 * 20 * 3 / 2, "s_-1": 1000 * 17 * 3 / 2, "a_1": 0}
		if diff := cmp.Diff(want, sizes); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a node needs what its cache, disk and oplog add up to", func(t *testing.T) {
		const id, terms, stored, documents = 70_500, 360_000, 25_500, 1_050_000
		want := mongoNeed{
			Data: documents, Indexes: id + terms + stored,
			Least: id + stored + terms/4 + documents/20, Enough: id + stored + terms + documents/20,
			Oplog: 3 * 10 * (1050 + 200), StatementsShard: 1000,
		}
		want.LeastRAM, want.EnoughRAM = 2*want.Least+gib, 2*want.Enough+gib
		want.Disk = (documents+id+terms+stored)*3/2 + want.Oplog
		if diff := cmp.Diff(want, m.need()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("shards divide what a node needs, and add the index of the hash", func(t *testing.T) {
		spread := m
		spread.Shards = 4
		one, four := m.need(), spread.need()
		if four.Data != one.Data || four.Indexes != one.Indexes+1000*18*3/2 || four.Enough != ceil(four.Indexes+ceil(four.Data, 20), 4) || four.StatementsShard != 250 {
			t.Errorf("%+v, %+v", one, four)
		}
	})
}

// TestMongoSize_campus holds the shares that the plan assumes against statements of the made-up campus.
func TestMongoSize_campus(t *testing.T) {
	authority, err := lrs.NewAuthority([]byte(`{"objectType":"Agent","account":{"homePage":"urn:acquis:credential","name":"campus"}}`))
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	const statements = 300
	world := campus.New(1)
	var sent, stored, compressed, terms float64
	for i := range statements {
		raw := world.Bench(i, 1200)
		s, err := lrs.DecodeStatement(raw, lrs.V103, lrs.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		d := lrs.Accept(s, lrs.Assignment{ID: uuid.New(), Version: lrs.V103, Source: "campus", Authority: authority})
		sealed := d.Seal(1_700_000_000_000_000)
		sent, stored = sent+float64(len(raw)), stored+float64(len(sealed))
		compressed, terms = compressed+float64(len(encoder.EncodeAll(sealed, nil))), terms+float64(len(d.Terms))
	}
	for _, c := range []struct {
		what            string
		got, from, upTo float64
	}{
		{"bytes that the store assigns", (stored - sent) / statements, sealedBytes * 0.7, sealedBytes * 1.2},
		{"per cent that compression leaves", 100 * compressed / stored, compressedShare - 5, compressedShare + 3},
		{"terms", terms / statements, 10, 13.5},
	} {
		t.Run(c.what+" are near those of the plan", func(t *testing.T) {
			if c.got < c.from || c.got > c.upTo {
				t.Errorf("%.1f, not within %.1f and %.1f", c.got, c.from, c.upTo)
			}
		})
	}
}
