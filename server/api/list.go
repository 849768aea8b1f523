package api

import (
	"acquis/access"
	"acquis/server"
)

// listOf reads which part of a list is asked for; others are the parameters that the resource knows
// besides.
func listOf(c *server.Call, others ...string) (access.List, error) {
	limit, after, err := c.List(others...)
	return access.List{Limit: limit, After: after}, err
}
