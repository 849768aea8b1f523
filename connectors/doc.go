// Package connectors pulls from providers' platforms what people learn there and which seats they have.
//
// A connector, one folder for each provider, reads and yields observations; it never writes. The Runner
// makes statements of them, which go in by the door that partners use, keeps seats as the last complete
// set, tells the directory which identities it saw, and journals each run. So a connector is a pure
// reader with a watermark, and a run that was cut at any point is simply run again.
package connectors
