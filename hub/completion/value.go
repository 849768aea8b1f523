package completion

import (
	"hash/fnv"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"acquis/hub/catalogue"
	"acquis/lrs"
)

// The extensions that are read.
const (
	cmi5Progress       = "https://w3id.org/xapi/cmi5/result/extensions/progress"
	cmi5ProgressWrong  = "http://w3id.org/xapi/cmi5/result/extensions/progress" // as some senders write it
	cmi5Session        = "https://w3id.org/xapi/cmi5/context/extensions/sessionid"
	announcedExtension = "urn:acquis:extension:announced-duration"
	pixStages          = "https://pix.fr/xapi/stages"
)

// extensions reads the members of an object of extensions; nil for none.
func extensions(raw lrs.RawJSON) map[string]jsontext.Value {
	if len(raw) == 0 {
		return nil
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil // it was judged when it was accepted
	}
	return members
}

// number reads a JSON number, or a text that holds one: senders write both.
func number(v jsontext.Value) (float64, bool) {
	text := string(v)
	if v.Kind() == '"' {
		unquoted, err := jsontext.AppendUnquote(nil, v)
		if err != nil {
			return 0, false
		}
		text = strings.TrimSpace(string(unquoted))
	} else if v.Kind() != '0' {
		return 0, false
	}
	return parseNumber(text)
}

// parseNumber reads a number as JSON writes it: no infinities, no hexadecimal, no underscores.
func parseNumber(text string) (float64, bool) {
	if text == "" || strings.Trim(text, "0123456789+-.eE") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil && !math.IsInf(f, 0)
}

// progressOf reads the progress that a result tells: first the extension of cmi5 under https, then under http,
// then where the mapping says. asScore says that the score told progress, so that it is no score.
func progressOf(r *lrs.Result, members map[string]jsontext.Value, rule catalogue.Progress) (percent *float64, notes Notes, asScore bool) {
	names := append([]string{cmi5Progress, cmi5ProgressWrong}, rule.Extensions...)
	for _, name := range names {
		value, told := members[name]
		if !told {
			continue
		}
		n, ok := number(value)
		if !ok {
			notes |= Unreadable
			continue
		}
		percent, clamped := scaled(n, rule.Scale)
		return percent, notes | clamped, rule.Score != ""
	}
	if r.Score == nil || rule.Score == "" {
		return nil, notes, false
	}
	literal, scale := r.Score.Raw, rule.Scale
	if rule.Score == "scaled" { // which the specification keeps between -1 and 1
		literal, scale = r.Score.Scaled, catalogue.Fraction
	}
	if literal == "" {
		return nil, notes, true
	}
	n, ok := parseNumber(literal)
	if !ok {
		return nil, notes | Unreadable, true
	}
	percent, clamped := scaled(n, scale)
	return percent, notes | clamped, true
}

// scaled makes a percentage of a number. What lies beyond the scale is taken for its end.
func scaled(n float64, scale catalogue.Scale) (percent *float64, notes Notes) {
	if scale == catalogue.Fraction {
		n *= 100
	}
	within := min(max(n, 0), 100)
	if within != n {
		notes = Clamped
	}
	within += 0 // no negative zero
	return &within, notes
}

// scoreOf reads a score. Where no scaled one is told, it follows from raw, min and max.
func scoreOf(s *lrs.Score) *Score {
	if s == nil {
		return nil
	}
	read := func(literal string) *float64 {
		if f, ok := parseNumber(literal); ok {
			return &f
		}
		return nil
	}
	score := &Score{Scaled: read(s.Scaled), Raw: read(s.Raw), Min: read(s.Min), Max: read(s.Max)}
	if *score == (Score{}) {
		return nil
	}
	if score.Scaled == nil && score.Raw != nil && score.Min != nil && score.Max != nil && *score.Max > *score.Min {
		part, whole := *score.Raw-*score.Min, *score.Max-*score.Min
		if math.IsInf(whole, 0) { // both may be beyond all numbers; their halves are not
			part, whole = *score.Raw/2-*score.Min/2, *score.Max/2-*score.Min/2
		}
		share := min(max(part/whole, 0), 1)
		score.Scaled = &share
	}
	return score
}

// milliseconds reads a duration, 0 for one without a fixed length.
func milliseconds(text string) int64 {
	d, err := lrs.ParseDuration(text)
	if err != nil {
		return 0
	}
	ms, _ := d.Milliseconds()
	return ms
}

func announcedOf(members map[string]jsontext.Value) int64 {
	var text string
	if value, told := members[announcedExtension]; !told || json.Unmarshal(value, &text) != nil {
		return 0
	}
	return milliseconds(text)
}

func stageOf(members map[string]jsontext.Value) Stage {
	var stages struct {
		ReachedStage   int `json:"reachedStage"`
		NumberOfStages int `json:"numberOfStages"`
	}
	if value, told := members[pixStages]; !told || json.Unmarshal(value, &stages) != nil {
		return Stage{}
	}
	return Stage{Reached: stages.ReachedStage, Of: stages.NumberOfStages}
}

// attemptOf tells attempts apart: by the registration, and the session of cmi5 within it.
func attemptOf(x *lrs.Context) uint64 {
	if x == nil {
		return 0
	}
	session := extensions(x.Extensions)[cmi5Session]
	if x.Registration == uuid.Nil && session == nil {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write(x.Registration[:])
	_, _ = h.Write(session)
	return max(h.Sum64(), 1)
}
