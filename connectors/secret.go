package connectors

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"acquis/lrs"
)

// SecretRef says where a secret is: env:CONNECT_NAME, an environment variable, or file:name, a file in the
// folder of secrets. Settings hold references only; the secret itself is read when it is used.
type SecretRef string

// secretVariable is how variables are named that references may reach, so that settings cannot send
// another secret of the process's to a provider.
var secretVariable = regexp.MustCompile(`^CONNECT_[A-Z0-9_]{1,80}$`)

var secretFile = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// Judge refuses what is not a reference, without quoting it: it may be the secret.
func (r SecretRef) Judge() error {
	kind, name, _ := strings.Cut(string(r), ":")
	switch {
	case kind == "env" && secretVariable.MatchString(name), kind == "file" && secretFile.MatchString(name):
		return nil
	}
	return lrs.Errorf(lrs.KindInvalid, "must say where the secret is, never what it is: env:CONNECT_ and the rest of a variable's name, or file: and a file's name in the folder of secrets")
}

// Secrets reads what references name.
type Secrets interface {
	// Secret returns a secret. A *Fault of NeedsPerson when there is none.
	Secret(ref SecretRef) (string, error)
}

// maxSecret bounds a secret.
const maxSecret = 64 << 10

// Vault is where secrets are: the environment and a folder.
type Vault struct {
	Dir    string                      // "": files are refused
	Lookup func(string) (string, bool) // as os.LookupEnv
}

// Secret implements Secrets.
func (v Vault) Secret(ref SecretRef) (string, error) {
	if err := ref.Judge(); err != nil {
		return "", noSecret("a reference that is none", err)
	}
	kind, name, _ := strings.Cut(string(ref), ":")
	if kind == "env" {
		if value, set := v.Lookup(name); set && value != "" {
			return value, nil
		}
		return "", noSecret(string(ref), errors.New("the variable is not set"))
	}
	if v.Dir == "" {
		return "", noSecret(string(ref), errors.New("no folder of secrets is configured (connect.secrets)"))
	}
	value, err := v.read(name)
	if err != nil {
		return "", noSecret(string(ref), err)
	}
	return value, nil
}

// read reads a file in the folder, and no other by way of a link.
func (v Vault) read(name string) (string, error) {
	root, err := os.OpenRoot(filepath.Clean(v.Dir))
	if err != nil {
		return "", errors.New("the folder of secrets cannot be opened")
	}
	defer root.Close()
	file, err := root.Open(name)
	if err != nil {
		return "", errors.New("there is no such file, or it may not be read")
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	text := strings.TrimSpace(string(content))
	switch {
	case err != nil:
		return "", errors.New("the file cannot be read")
	case len(content) > maxSecret:
		return "", fmt.Errorf("the file is longer than %d bytes", maxSecret)
	case text == "":
		return "", errors.New("the file is empty")
	}
	return text, nil
}

func noSecret(ref string, cause error) error {
	return Faultf(NeedsPerson, "A secret of this connection is missing on the server. Ask whoever runs Acquis to put it there.", "%s: %v", ref, cause)
}
