package pix_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"acquis/connectors"
	"acquis/connectors/connectortest/fakeserver"
	"acquis/connectors/connectortest/pixfake"
	"acquis/connectors/pix"
)

// bench is a connection to a made-up Pix, and what its last pull gave.
type bench struct {
	t         *testing.T
	world     *pixfake.World
	faults    *fakeserver.Faults
	now       time.Time
	settings  map[string]any
	connector connectors.Connector
	client    *connectors.Client
	watermark jsontext.Value

	pages   []connectors.Page
	seats   map[string]connectors.SeatSeen
	rows    map[string]connectors.ProgressSeen
	people  map[string]connectors.IdentitySeen
	ends    []connectors.SetEnd
	skipped map[string]int
	persons int // skips for a person
}

func newBench(t *testing.T, options pixfake.Options, settings map[string]any) *bench {
	t.Helper()
	b := &bench{t: t, faults: &fakeserver.Faults{}, now: time.Date(2026, time.September, 1, 8, 0, 0, 0, time.UTC), settings: settings}
	options.Now = func() time.Time { return b.now }
	b.world = pixfake.New(options)
	server, err := fakeserver.Start(b.faults.Around(b.world.Handler()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	if b.settings == nil {
		b.settings = map[string]any{}
	}
	b.settings["baseUrl"] = server.URL
	if b.settings["clientId"] == nil {
		b.settings["clientId"] = "hub-campus"
	}
	b.open()
	egress := connectors.NewEgress(connectors.EgressOptions{Private: []string{"127.0.0.1"}, Rate: -1, MinWait: time.Millisecond, MaxWait: 10 * time.Millisecond, BreakAt: 1000})
	b.client = egress.Client(b.connector.Hosts(), nil)
	return b
}

func (b *bench) open() {
	b.t.Helper()
	settings, err := json.Marshal(b.settings)
	if err != nil {
		b.t.Fatal(err)
	}
	if b.connector, err = pix.Provider(func() time.Time { return b.now }).Open(settings); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) request(full bool) connectors.Request {
	return connectors.Request{
		Client: b.client, Watermark: b.watermark, Full: full, Now: b.now,
		Secrets: connectors.Vault{Lookup: func(string) (string, bool) { return "secret", true }},
	}
}

// pull pulls, and saves the watermark when it ends clean.
func (b *bench) pull(full bool) error {
	b.t.Helper()
	b.pages, b.ends, b.persons = nil, nil, 0
	b.seats, b.rows, b.people, b.skipped = map[string]connectors.SeatSeen{}, map[string]connectors.ProgressSeen{}, map[string]connectors.IdentitySeen{}, map[string]int{}
	watermark, err := b.connector.Pull(b.t.Context(), b.request(full), func(p connectors.Page) error {
		b.pages = append(b.pages, p)
		for _, s := range p.Skipped {
			b.skipped[s.Reason] += s.Items
			if s.Person {
				b.persons += s.Items
			}
		}
		for _, o := range p.Observations {
			switch o := o.(type) {
			case connectors.SeatSeen:
				b.seats[o.Set+"/"+o.ID] = o
			case connectors.ProgressSeen:
				b.rows[o.ID] = o
			case connectors.IdentitySeen:
				b.people[o.Account.Name] = o
			case connectors.SetEnd:
				b.ends = append(b.ends, o)
			}
		}
		return nil
	})
	if err == nil {
		b.watermark = watermark
	}
	return err
}

func (b *bench) mustPull(full bool) {
	b.t.Helper()
	if err := b.pull(full); err != nil {
		b.t.Fatal(err)
	}
}

// total counts over all campaigns what the world shows.
func (b *bench) total() (sum pixfake.Count) {
	for n := range 8 {
		c := b.world.CountOf(n)
		sum.Rows += c.Rows
		sum.Shared += c.Shared
		sum.Badges += c.Badges
		sum.Computing += c.Computing
		sum.Anonymous += c.Anonymous
	}
	return sum
}

func (b *bench) milestones(name string) (n int) {
	for _, row := range b.rows {
		for _, m := range row.Milestones {
			if m.Name == name {
				n++
			}
		}
	}
	return n
}

func (b *bench) ended(kind connectors.SetKind) (sets []string) {
	for _, e := range b.ends {
		if e.Of == kind {
			sets = append(sets, e.Set)
		}
	}
	slices.Sort(sets)
	return sets
}

func id(campaign, row int) string { return fmt.Sprint(pixfake.ParticipationID(campaign, row)) }

// names of the milestones of a row.
func (b *bench) names(row string) string {
	var names []string
	for _, m := range b.rows[row].Milestones {
		names = append(names, m.Name)
	}
	return strings.Join(names, " ")
}

func TestPull(t *testing.T) {
	t.Run("brings every participation, its milestones, and the seats of both organisations", func(t *testing.T) {
		b := newBench(t, pixfake.Options{}, map[string]any{"organisations": map[string]string{"1001": "dinum"}, "externalId": "mail"})
		b.mustPull(true)
		world := b.total()
		if len(b.rows) != world.Rows || b.milestones("initialized") != world.Rows || b.milestones("completed") != world.Shared-world.Computing || b.milestones("badge") != world.Badges {
			t.Errorf("%d rows, %d initialized, %d completed, %d badges; the world has %+v", len(b.rows), b.milestones("initialized"), b.milestones("completed"), b.milestones("badge"), world)
		}
		if got := b.ended(connectors.Seats); !slices.Equal(got, []string{"1001", "1002"}) {
			t.Errorf("the seats of %v ended", got)
		}
		if got := b.ended(connectors.Rows); len(got) != 8 {
			t.Errorf("the rows of %v ended", got)
		}
		mapped, linked := 0, 0
		for _, s := range b.seats {
			if s.Organisation == "dinum" {
				mapped++
			}
		}
		for _, p := range b.people {
			if len(p.Related) == 1 && p.Related[0].Kind == connectors.KeyMbox {
				linked++
			}
		}
		if mapped == 0 || mapped == len(b.seats) || linked == 0 {
			t.Errorf("%d of %d seats are mapped, %d people have an address", mapped, len(b.seats), linked)
		}
	})
	t.Run("a seat is the participant's in the organisation, whatever the campaign", func(t *testing.T) {
		b := newBench(t, pixfake.Options{People: 20}, nil)
		b.mustPull(true)
		if len(b.seats) != 40 { // everybody takes part in both organisations
			t.Errorf("%d seats", len(b.seats))
		}
		for key, seat := range b.seats {
			if key != seat.Set+"/"+seat.Account.Name || seat.State != connectors.SeatOccupied {
				t.Fatalf("%+v", seat)
			}
		}
	})
	t.Run("several sendings of one learner are rows of their own, with a registration each", func(t *testing.T) {
		b := newBench(t, pixfake.Options{}, nil)
		b.mustPull(true)
		one, two := b.rows[id(1, 0)], b.rows[id(1, 1)]
		if one.Account != two.Account || one.Milestones[0].Context.Registration == two.Milestones[0].Context.Registration {
			t.Errorf("%+v\n%+v", one, two)
		}
	})
	t.Run("two pulls see the same", func(t *testing.T) {
		b := newBench(t, pixfake.Options{}, nil)
		b.mustPull(true)
		first := b.pages
		b.mustPull(true)
		if diff := cmp.Diff(first, b.pages); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("the next pull asks only for what may have changed, and finds it", func(t *testing.T) {
		b := newBench(t, pixfake.Options{Participations: 400}, nil)
		b.now = b.now.AddDate(0, -3, 0)
		b.mustPull(false)
		before := b.total()
		b.now = b.now.AddDate(0, 0, 3)
		fresh := map[string]string{}
		b.mustPull(false)
		for key := range b.rows {
			fresh[key] = b.names(key)
		}
		b.mustPull(true)
		for key := range b.rows {
			if started := b.rows[key].Milestones[0].At; started.After(b.now.AddDate(0, 0, -3)) && fresh[key] != b.names(key) {
				t.Errorf("%s is %q, the pull before had %q", key, b.names(key), fresh[key])
			}
			for _, m := range b.rows[key].Milestones {
				if m.Name == "completed" && m.At.After(b.now.AddDate(0, 0, -3)) && fresh[key] != b.names(key) {
					t.Errorf("%s was sent, and the pull before had %q", key, fresh[key])
				}
			}
		}
		if after := b.total(); after.Rows <= before.Rows || len(fresh) > before.Rows/4 {
			t.Errorf("%d rows of %d were read for the changes", len(fresh), after.Rows)
		}
	})
	t.Run("only mapped organisations are read when the settings say so", func(t *testing.T) {
		b := newBench(t, pixfake.Options{}, map[string]any{"organisations": map[string]string{"1002": "agence"}, "onlyMapped": true})
		b.mustPull(true)
		if got := b.ended(connectors.Seats); !slices.Equal(got, []string{"1002"}) || len(b.ended(connectors.Rows)) != 4 {
			t.Errorf("%v", b.ends)
		}
	})
}

func TestPull_traps(t *testing.T) {
	t.Run("ids that come as text are read", func(t *testing.T) {
		b := newBench(t, pixfake.Options{TextIDs: true}, nil)
		b.mustPull(true)
		if len(b.rows) != b.total().Rows {
			t.Errorf("%d rows", len(b.rows))
		}
	})
	t.Run("an old server that takes neither withArchived nor sort is read, too", func(t *testing.T) {
		b := newBench(t, pixfake.Options{NoArchived: true, NoSort: true, OldStatuses: true, Participations: 450}, nil)
		b.world.Archive(0, b.now.AddDate(0, -1, 0))
		b.world.Archive(4, b.now.AddDate(0, -1, 0))
		b.mustPull(true)
		if world := b.total(); len(b.rows) != world.Rows || b.persons != 0 || len(b.ended(connectors.Seats)) != 2 {
			t.Errorf("%d rows of %d, skipped %v, ended %v", len(b.rows), world.Rows, b.skipped, b.ends)
		}
	})
	t.Run("where archived campaigns are hidden, no set of seats ends", func(t *testing.T) {
		b := newBench(t, pixfake.Options{NoArchived: true, HideArchived: true}, nil)
		b.world.Archive(0, b.now.AddDate(0, -1, 0))
		b.mustPull(true)
		if got := b.ended(connectors.Seats); len(got) != 0 || len(b.ended(connectors.Rows)) != 7 {
			t.Errorf("%v", b.ends)
		}
	})
	t.Run("anonymised accounts are neither people nor seats", func(t *testing.T) {
		b := newBench(t, pixfake.Options{}, nil)
		b.world.AnonymiseHolder(pixfake.ParticipationID(0, 0))
		b.world.AnonymiseHolder(pixfake.ParticipationID(0, 1))
		b.mustPull(true)
		shared := b.world.Pseudonym(pixfake.ParticipationID(0, 0))
		row := b.rows[id(0, 0)]
		if !row.Anonymised || len(row.Milestones) > 0 || b.skipped["anonymised account"] != b.total().Anonymous {
			t.Errorf("%+v, %v", row, b.skipped)
		}
		if _, is := b.people[shared]; is {
			t.Error("it is a person")
		}
		if _, is := b.seats["1001/"+shared]; is {
			t.Error("it has a seat")
		}
	})
	t.Run("results that are not computed are held back, and the watermark waits for them", func(t *testing.T) {
		b := newBench(t, pixfake.Options{}, nil)
		rate := 0.5
		late := id(0, 3)
		b.world.SetRate(pixfake.ParticipationID(0, 3), nil)
		b.mustPull(false)
		if b.names(late) != "initialized" {
			t.Fatalf("%q", b.names(late))
		}
		b.now = b.now.Add(72 * time.Hour)
		b.mustPull(false)
		b.world.SetRate(pixfake.ParticipationID(0, 3), &rate)
		b.mustPull(true)
		if b.names(late) != "initialized completed" || *b.rows[late].Milestones[1].Result.Scaled != rate {
			t.Fatalf("%+v", b.rows[late])
		}
	})
	t.Run("an unknown status is counted for a person and taken for a beginning", func(t *testing.T) {
		b := newBench(t, pixfake.Options{}, nil)
		b.world.SetStatus(pixfake.ParticipationID(0, 1), "REVIEWED")
		b.world.SetStatus(pixfake.ParticipationID(0, 2), "Camille Durand")
		b.mustPull(true)
		if b.names(id(0, 1)) != "initialized" || b.skipped["unknown status REVIEWED"] != 1 || b.skipped["unknown status of another form"] != 1 || b.persons != 2 {
			t.Errorf("%q, %v", b.names(id(0, 1)), b.skipped)
		}
	})
	t.Run("what learners type is no key unless it is well-formed", func(t *testing.T) {
		b := newBench(t, pixfake.Options{}, map[string]any{"externalId": "mail"})
		for i, typed := range []string{"camille@", "Camille.Durand@Ministere-Exemple.example ", "camille"} {
			b.world.SetExternalID(pixfake.ParticipationID(0, i), typed)
		}
		b.mustPull(true)
		for i, want := range []string{"", "camille.durand@ministere-exemple.example", ""} {
			b.people = map[string]connectors.IdentitySeen{}
			for _, p := range b.pages {
				for n, o := range p.Observations {
					if row, is := o.(connectors.ProgressSeen); is && row.ID == id(0, i) {
						if seen, is := p.Observations[n-2].(connectors.IdentitySeen); is {
							b.people[row.ID] = seen
						}
					}
				}
			}
			got := ""
			for _, k := range b.people[id(0, i)].Related {
				got = k.Value
			}
			if got != want {
				t.Errorf("row %d has %q, want %q", i, got, want)
			}
		}
	})
	t.Run("an organisation or campaign that is refused ends nothing", func(t *testing.T) {
		b := newBench(t, pixfake.Options{}, nil)
		b.mustPull(true)
		b.world.Withdraw(1002)
		b.faults.Add(fakeserver.Fault{Path: "/campaigns/502/", Times: -1, Status: 403, Body: `{"statusCode":403,"error":"Forbidden","message":"x"}`})
		b.mustPull(true)
		if got := b.ended(connectors.Seats); len(got) != 0 {
			t.Errorf("seats ended: %v", got)
		}
		if got := b.ended(connectors.Rows); !slices.Equal(got, []string{"501", "503", "504"}) {
			t.Errorf("rows ended: %v", got)
		}
		if b.skipped["campaign that Pix refuses to show"] != 1 || b.skipped["campaign that is listed no more"] != 4 {
			// organisation 1002 is not in the list of organisations, so only its campaigns are missed
			t.Errorf("%v", b.skipped)
		}
	})
	t.Run("rows that are deleted while pages are read are not taken for others", func(t *testing.T) {
		b := newBench(t, pixfake.Options{Participations: 900, Campaigns: 1, Organisations: 1}, nil)
		b.faults.Add(fakeserver.Fault{Path: "/participations", From: 4, Before: func() { b.world.Vanish(pixfake.ParticipationID(0, 0)) }})
		b.mustPull(true)
		if _, is := b.rows[id(0, 200)]; !is || len(b.ended(connectors.Rows)) != 1 {
			t.Errorf("the row that moved is missed; ended %v", b.ends)
		}
	})
	t.Run("rows that move with every pass end no set", func(t *testing.T) {
		b := newBench(t, pixfake.Options{Participations: 900, Campaigns: 1, Organisations: 1}, nil)
		n := 0
		b.faults.Add(fakeserver.Fault{Path: "/participations", Times: -1, Before: func() { b.world.Vanish(pixfake.ParticipationID(0, n)); n++ }})
		b.mustPull(true)
		if len(b.ends) != 0 || b.skipped["campaign whose rows moved while they were read"] != 1 {
			t.Errorf("%v, %v", b.ends, b.skipped)
		}
	})
	t.Run("another client_id stops the run before anything is read", func(t *testing.T) {
		b := newBench(t, pixfake.Options{}, nil)
		b.mustPull(true)
		b.settings["clientId"] = "hub-2"
		b.world.ChangeClient("hub-2")
		b.open()
		b.wantFault(b.pull(false), connectors.NeedsPerson, "client_id")
		if len(b.pages) > 0 {
			t.Errorf("%d pages", len(b.pages))
		}
	})
}

func (b *bench) wantFault(err error, class connectors.Class, says string) {
	b.t.Helper()
	fault, is := errors.AsType[*connectors.Fault](err)
	if !is || fault.Class != class || !strings.Contains(fault.Sentence+" "+fault.Detail, says) {
		b.t.Errorf("%v, want a fault of %s with %q", err, class, says)
	}
}

func TestPull_faults(t *testing.T) {
	t.Run("a token that ends in mid-run is renewed once", func(t *testing.T) {
		for name, options := range map[string]pixfake.Options{"read from the JWT": {}, "unreadable": {OpaqueTokens: true}} {
			t.Run(name, func(t *testing.T) {
				options.Participations = 900
				b := newBench(t, options, nil)
				b.faults.Add(fakeserver.Fault{Path: "/participations", From: 5, Before: b.world.RevokeTokens})
				b.faults.Add(fakeserver.Fault{Path: "/participations", From: 9, Before: func() { b.now = b.now.Add(30 * time.Minute) }})
				tokens := 0
				b.faults.Add(fakeserver.Fault{Path: "/token", Times: -1, Before: func() { tokens++; b.now = b.now.Add(time.Second) }})
				b.mustPull(true)
				if tokens != 3 || len(b.rows) != b.total().Rows {
					t.Errorf("%d tokens, %d rows", tokens, len(b.rows))
				}
			})
		}
	})
	t.Run("passing faults of the server are got over", func(t *testing.T) {
		for name, fault := range map[string]fakeserver.Fault{
			"429":              fakeserver.TooMany(0),
			"500":              {Status: 500, Body: "{}"},
			"a cut connection": {Cut: true},
			"truncated JSON":   {Truncate: true},
			"the page before":  {Repeat: true},
		} {
			t.Run(name, func(t *testing.T) {
				b := newBench(t, pixfake.Options{Participations: 500}, nil)
				fault.Path, fault.From = "/participations", 3
				b.faults.Add(fault)
				b.mustPull(true)
				if len(b.rows) != b.total().Rows || len(b.ended(connectors.Rows)) != 8 {
					t.Errorf("%d rows, ended %v", len(b.rows), b.ends)
				}
			})
		}
	})
	t.Run("what does not pass ends the pull with a sentence, and moves no watermark", func(t *testing.T) {
		for name, c := range map[string]struct {
			fault fakeserver.Fault
			class connectors.Class
			says  string
		}{
			"truncated JSON":         {fakeserver.Fault{Path: "/participations", From: 3, Times: -1, Truncate: true}, connectors.RetryLater, "makes no sense"},
			"a list of another form": {fakeserver.Fault{Path: "/campaigns", From: 1, Times: -1, Status: 200, Body: `{"data":[]}`}, connectors.RetryLater, `no member "campaigns"`},
			"rows without dates":     {fakeserver.Fault{Path: "/participations", Times: -1, Status: 200, Body: `{"campaignParticipations":[{"id":3}],"page":{"number":1,"count":1}}`}, connectors.RetryLater, "no createdAt"},
			"another server":         {fakeserver.Fault{Path: "/organizations", Times: -1, Status: 404, Body: `<html>`}, connectors.GiveUp, "baseUrl"},
			"no organisation":        {fakeserver.Fault{Path: "/organizations", Times: -1, Status: 403, Body: `{"statusCode":403,"message":"Insufficient scope"}`}, connectors.NeedsPerson, "Insufficient scope"},
			"a wrong secret":         {fakeserver.Fault{Path: "/token", Times: -1, Status: 401, Body: `{"errors":[{"title":"Unauthorized","detail":"incorrect"}]}`}, connectors.NeedsPerson, "401, Unauthorized, incorrect"},
			"a scope not granted":    {fakeserver.Fault{Path: "/token", Times: -1, Status: 403, Body: `{}`}, connectors.NeedsPerson, "scopes"},
			"a token of no use":      {fakeserver.Fault{Path: "/token", Times: -1, Status: 200, Body: `{"token_type":"bearer"}`}, connectors.GiveUp, "without a token"},
			"401 to every token":     {fakeserver.Fault{Path: "/organizations", Times: -1, Status: 401, Body: `{}`}, connectors.NeedsPerson, "401"},
		} {
			t.Run(name, func(t *testing.T) {
				b := newBench(t, pixfake.Options{Participations: 500}, nil)
				b.faults.Add(c.fault)
				b.wantFault(b.pull(false), c.class, c.says)
				if b.watermark != nil || len(b.ended(connectors.Seats)) > 0 {
					t.Errorf("watermark %s, ends %v", b.watermark, b.ends)
				}
			})
		}
	})
	t.Run("a pull that is told to stop stops at once", func(t *testing.T) {
		b := newBench(t, pixfake.Options{}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		b.faults.Add(fakeserver.Fault{Path: "/participations", From: 2, Hang: true, Before: cancel})
		_, err := b.connector.Pull(ctx, b.request(true), func(connectors.Page) error { return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
	t.Run("what yield returns ends the pull and comes back", func(t *testing.T) {
		b := newBench(t, pixfake.Options{}, nil)
		stop := errors.New("stop")
		_, err := b.connector.Pull(t.Context(), b.request(true), func(connectors.Page) error { return stop })
		if !errors.Is(err, stop) {
			t.Errorf("%v", err)
		}
	})
}
