package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"
)

const (
	surveyPages = 40  // read back, evenly spread over the time that the store covers
	surveyLeast = 500 // statements to draw from; a store that shows fewer is given some first
)

// benchSurvey is what an LRS was seen to hold, and so what it can be asked for.
type benchSurvey struct {
	statements  []surveyStatement
	first, last time.Time // stored
}

// surveyStatement is a statement as far as a query can be made from it.
type surveyStatement struct {
	ID    string
	Actor surveyAgent
	Verb  struct{ ID string }

	Object struct {
		ObjectType string
		ID         string
	}
	Context struct {
		Registration      string
		Instructor        surveyAgent
		ContextActivities struct{ Parent []struct{ ID string } }
	}
	Stored time.Time
}

// surveyAgent is the identifying part of an Agent or Group: what the agent parameter takes.
type surveyAgent struct {
	Mbox        string          `json:"mbox,omitempty"`
	MboxSHA1Sum string          `json:"mbox_sha1sum,omitempty"`
	OpenID      string          `json:"openid,omitempty"`
	Account     json.RawMessage `json:"account,omitempty"`
}

// parameter returns "" for an agent that cannot be asked for.
func (a surveyAgent) parameter() string {
	if a.Mbox == "" && a.MboxSHA1Sum == "" && a.OpenID == "" && a.Account == nil {
		return ""
	}
	text, err := json.Marshal(a)
	if err != nil {
		return ""
	}
	return string(text)
}

func (s surveyStatement) activity() string {
	if s.Object.ObjectType == "" || s.Object.ObjectType == "Activity" {
		return s.Object.ID
	}
	return ""
}

// survey reads pages from all over the store. When they show too little, it inserts count
// statements of its own and reads again.
func (b *bencher) survey(ctx context.Context, count, limit int) (*benchSurvey, error) {
	seen, err := b.readSurvey(ctx, limit)
	if err != nil {
		return nil, err
	}
	if len(seen.statements) >= min(surveyLeast, count) {
		return seen, nil
	}
	fmt.Fprintf(b.notes, "The LRS shows %d statements: inserting %d first.\n", len(seen.statements), count)
	rows, err := b.load(ctx, count, 50)
	if err != nil {
		return nil, err
	}
	if rows[0].Statements == 0 && count > 0 {
		return nil, fmt.Errorf("none of the %d statements could be inserted; errors: %s", count, rows[0].errors())
	}
	if seen, err = b.readSurvey(ctx, limit); err != nil {
		return nil, err
	}
	if len(seen.statements) == 0 {
		return nil, fmt.Errorf("the LRS took %d statements and shows none", rows[0].Statements)
	}
	return seen, nil
}

func (b *bencher) readSurvey(ctx context.Context, limit int) (*benchSurvey, error) {
	c := &benchConn{target: b.target}
	defer c.close()
	seen := &benchSurvey{}
	known := map[string]bool{}
	read := func(query url.Values) error {
		query.Set("limit", strconv.Itoa(limit))
		var page struct{ Statements []surveyStatement }
		if err := c.getJSON(ctx, b.target.get(query), &page); err != nil {
			return fmt.Errorf("reading statements back: %w", err)
		}
		for _, stmt := range page.Statements {
			if !known[stmt.ID] {
				known[stmt.ID] = true
				seen.statements = append(seen.statements, stmt)
			}
		}
		return nil
	}
	for _, ascending := range []string{"true", "false"} {
		if err := read(url.Values{"ascending": {ascending}}); err != nil {
			return nil, err
		}
	}
	if len(seen.statements) == 0 {
		return seen, nil
	}
	byStored := func(a, b surveyStatement) int { return a.Stored.Compare(b.Stored) }
	seen.first = slices.MinFunc(seen.statements, byStored).Stored
	seen.last = slices.MaxFunc(seen.statements, byStored).Stored
	for n := 1; n < surveyPages; n++ {
		if err := read(url.Values{"until": {seen.moment(float64(n) / surveyPages)}}); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// moment is the time at a fraction of what the store covers, as since and until take it.
func (s *benchSurvey) moment(fraction float64) string {
	at := s.first.Add(time.Duration(fraction * float64(s.last.Sub(s.first))))
	return at.UTC().Format("2006-01-02T15:04:05.000000Z")
}
