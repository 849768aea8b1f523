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
	}
}

func checkTimeZone(text string) error {
	if _, err := time.LoadLocation(text); err != nil || text == "" || text == "Local" {
		return errors.New("is no time zone: name one such as Europe/Paris")
	}
	return nil
}
