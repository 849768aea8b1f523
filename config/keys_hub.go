package config

import (
	"errors"
	"time"
	_ "time/tzdata" // where the machine has none
)

// hubKeys declare how people, the catalogue and figures are kept.
func hubKeys(c *Hub) []key {
	return []key{
		{
			Name: "hub.time_zone", into: &c.TimeZone, check: checkTimeZone,
			Default: "Europe/Paris", Example: "Indian/Reunion",
			Meaning: "Place whose clock says on which day something was learned, when an affiliation ends and when a version of a parcours begins. Changing it moves what happened around midnight once completions are rebuilt.",
		},
		{
			Name: "hub.figures_age", into: &c.FiguresAge, Min: "1s", Max: "24h",
			Default: "5m", Example: "1h",
			Meaning: "How long figures of training are shown before they are computed again. Computing them reads every completion.",
		},
		{
			Name: "hub.unmatched_days", into: &c.UnmatchedDays, Min: "0", Max: "3650",
			Default: "365", Example: "90",
			Meaning: "Days after which an identity that is nobody's is purged, counted from when it was last heard of. 0 keeps it for ever.",
		},
		{
			Name: "hub.import_end_share", into: &c.ImportEndShare, Min: "0", Max: "100",
			Default: "5", Example: "10",
			Meaning: "Percent of the people of a scope that an import of people may end, for being absent from the file, without being told how many they are.",
		},
	}
}

func checkTimeZone(text string) error {
	if _, err := time.LoadLocation(text); err != nil || text == "" || text == "Local" {
		return errors.New("is no time zone: name one such as Europe/Paris")
	}
	return nil
}
