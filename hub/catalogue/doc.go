// Package catalogue knows what can be learned: modules, parcours and the activities by which each
// platform calls them.
//
//	item.go, rule.go       modules and parcours; when a parcours is completed
//	mapping.go, picture.go which activity means which item, for the fold
//	table.go               where all of it is kept
package catalogue
