// Package catalogue knows what can be learned: modules, parcours and the activities by which each
// platform calls them.
//
//	item.go, rule.go       modules and parcours; when a parcours is completed
//	mapping.go, picture.go which activity means which item, for the fold
//	catalogue.go           the catalogue a store keeps, and the picture of it
//	service.go             who reads and changes it
//	work.go, change.go     a change is judged whole, then written whole
//	import*.go             catalogues that people wrote in CSV or YAML
//	table.go               where all of it is kept
package catalogue
