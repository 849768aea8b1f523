package programme

import (
	"context"
	"slices"
	"time"

	"acquis/hub"
	"acquis/lrs"
)

// Figures are those of a period.
type Figures struct {
	Period hub.Span `json:"period"`
	AsOf   string   `json:"asOf"` // when they were computed
	Goal   float64  `json:"goal"`
	By     hub.Day  `json:"by,omitzero"`
	Small  int      `json:"small"` // figures about fewer agents are not shown
	Rows   []Figure `json:"rows"`  // by organisation
}

// Figure is about an organisation with everything below it. What is nil is not known, or hidden because it is about
// few agents; Hidden tells which.
type Figure struct {
	Organisation hub.OrganisationID   `json:"organisation"`
	Name         string               `json:"name"`
	Path         []hub.OrganisationID `json:"path"`                // itself first, the root last
	Headcount    *int                 `json:"headcount,omitempty"` // on the last day of the period
	Started      *int                 `json:"started,omitempty"`   // distinct agents who began something in the period
	Completed    *int                 `json:"completed,omitempty"` // distinct agents who completed something in the period
	Completions  *int                 `json:"completions,omitempty"`
	Acquired     *int                 `json:"socleAcquired,omitempty"` // distinct agents who came to the basic skills in the period
	Socle        *int                 `json:"socle,omitempty"`         // distinct agents who had them on its last day
	Share        *float64             `json:"share,omitempty"`         // Socle of the headcount, 0 to 1
	Announced    *float64             `json:"hoursAnnounced,omitempty"`
	Measured     *float64             `json:"hoursMeasured,omitempty"`
	Hidden       []string             `json:"hidden,omitempty"`
}

// Query asks for figures.
type Query struct {
	Period       hub.Span
	Organisation hub.OrganisationID // it and what stands directly below it; "" for every organisation
	Population   string             // of the headcount, "" for all agents
}

// Training returns the figures of the organisations that the caller may see. A record belongs to the
// organisation in which the person was on the day of completion, else of the last activity.
func (s *Service) Training(ctx context.Context, caller hub.Caller, q Query) (Figures, error) {
	if err := caller.Has(readers, "read figures"); err != nil {
		return Figures{}, err
	}
	if err := q.Period.Judge(); err != nil {
		return Figures{}, err
	}
	scope, err := s.options.Directory.Scope(ctx, caller.Principal)
	if err != nil {
		return Figures{}, err
	}
	day := s.today()
	if q.Period.To != 0 {
		day = min(day, q.Period.To)
	}
	wanted := scope.Organisations(day)
	if q.Organisation != "" {
		below := append(scope.Tree().ChildrenOn(q.Organisation, day), q.Organisation)
		wanted = slices.DeleteFunc(slices.Clone(wanted), func(id hub.OrganisationID) bool { return !slices.Contains(below, id) })
		if !slices.Contains(wanted, q.Organisation) {
			return Figures{}, lrs.Errorf(lrs.KindNotFound, "there is no organisation %.100q, or it is beyond what this credential may see", string(q.Organisation))
		}
	}
	aims, err := s.targets(ctx)
	if err != nil {
		return Figures{}, err
	}
	found, err := s.tallied(ctx, q.Period)
	if err != nil {
		return Figures{}, err
	}
	out := Figures{Period: q.Period, AsOf: found.at.UTC().Format(time.RFC3339), Goal: aims.Value.Goal, By: aims.Value.By, Small: aims.Value.Small, Rows: []Figure{}}
	for _, id := range wanted {
		organisation, _ := scope.Tree().Organisation(id)
		f := Figure{Organisation: id, Name: organisation.Name, Path: scope.Tree().PathOn(id, day)}
		if count, known := scope.Tree().HeadcountOn(id, day, q.Population); known {
			f.Headcount = &count
		}
		t := found.by[id]
		if t == nil {
			t = &tally{}
		}
		f.fill(t, aims.Value)
		out.Rows = append(out.Rows, f)
	}
	return out, nil
}

// fill puts the counts in, save those about few agents.
func (f *Figure) fill(t *tally, aims Targets) {
	count := func(name string, about, value int) *int {
		if about > 0 && about < aims.Small {
			f.Hidden = append(f.Hidden, name)
			return nil
		}
		return &value
	}
	hours := func(name string, about int, seconds int64) *float64 {
		if about > 0 && about < aims.Small {
			f.Hidden = append(f.Hidden, name)
			return nil
		}
		value := float64(seconds) / 3600
		return &value
	}
	f.Started = count("started", t.started, t.started)
	f.Completed = count("completed", t.completed, t.completed)
	f.Completions = count("completions", t.completed, t.completions)
	f.Announced = hours("hoursAnnounced", t.completed, t.announced)
	f.Measured = hours("hoursMeasured", t.present, t.measured)
	if len(aims.Socle) == 0 {
		return
	}
	f.Acquired = count("socleAcquired", t.acquired, t.acquired)
	if f.Socle = count("socle", t.skilled, t.skilled); f.Socle == nil {
		f.Hidden = append(f.Hidden, "share")
	} else if f.Headcount != nil && *f.Headcount > 0 {
		share := float64(t.skilled) / float64(*f.Headcount)
		f.Share = &share
	}
}
