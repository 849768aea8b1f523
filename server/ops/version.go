package ops

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// version is the answer of /version.
type version struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"` // built from a tree with changes after the commit
	Go       string `json:"go"`
}

// readVersion joins the release to what the Go tool noted in the binary.
func readVersion(release string) version {
	v := version{Version: release, Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Version = cmp.Or(release, info.Main.Version)
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			v.Commit = setting.Value
		case "vcs.modified":
			v.Modified = setting.Value == "true"
		}
	}
	return v
}
