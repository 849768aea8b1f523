package config

import (
	"fmt"
	"os"
	"strings"

	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
)

// Load reads the file at path and then environ ("NAME=value", as of os.Environ), which overrides it. The
// path "" means that there is no file. The error is of type Faults and lists everything that is wrong;
// a value in the file that a variable overrides is not judged.
func Load(path string, environ []string) (Config, error) {
	l := newLoader()
	if path != "" {
		l.readFile(path)
	}
	l.readEnvironment(environ)
	l.fill()
	if err := l.faults.andRules(l.config, l.origins).err(); err != nil {
		return Config{}, err
	}
	return l.config, nil
}

// loader collects the settings of the layers, a text or a list of texts under the name of each key, and
// remembers where each came from.
type loader struct {
	config   Config
	keys     []key // bound to config
	settings *koanf.Koanf
	origins  map[string]Origin
	faults   Faults
}

func newLoader() *loader {
	l := &loader{config: Default(), settings: koanf.New("."), origins: map[string]Origin{}}
	l.keys = keys(&l.config)
	return l
}

func (l *loader) readFile(path string) {
	parser := &document{loader: l, path: path, lines: map[string]int{}}
	if err := l.settings.Load(file.Provider(path), parser); err != nil {
		l.fault(Origin{File: path}, "", "cannot be read: %v", err)
	}
}

func (l *loader) readEnvironment(environ []string) {
	if err := l.settings.Load(&environment{loader: l, environ: environ}, nil); err != nil {
		l.fault(Origin{}, "", "the environment cannot be read: %v", err)
	}
}

// fill sets the fields that the layers have a setting for.
func (l *loader) fill() {
	for _, k := range l.keys {
		if !l.settings.Exists(k.Name) {
			continue
		}
		raw := l.settings.Get(k.Name)
		if path, elsewhere := raw.(secretPath); elsewhere {
			secret, found := l.secretFile(string(path), k)
			if !found {
				continue
			}
			raw = secret
		}
		if err := k.set(raw); err != nil {
			l.fault(l.origins[k.Name], k.Name, "%v", err)
		}
	}
}

// secretPath is a setting that says in which file the secret is.
type secretPath string

// secretFile reads a secret. Editors and mounted secrets end a file with a line end, which is not part of
// it; an empty file is a mount that failed more often than a wish for no secret.
func (l *loader) secretFile(path string, k key) (string, bool) {
	content, err := os.ReadFile(path)
	if err != nil {
		l.fault(l.origins[k.Name], k.Name, "the file cannot be read: %v", err)
		return "", false
	}
	secret := strings.TrimRight(string(content), "\r\n")
	if secret == "" {
		l.fault(l.origins[k.Name], k.Name, "the file %s is empty", path)
		return "", false
	}
	return secret, true
}

func (l *loader) fault(origin Origin, key, format string, args ...any) {
	l.faults = append(l.faults, Fault{Origin: origin, Key: key, Problem: fmt.Sprintf(format, args...)})
}

// key finds a key by its name.
func (l *loader) key(name string) (key, bool) {
	for _, k := range l.keys {
		if k.Name == name {
			return k, true
		}
	}
	return key{}, false
}

// secret finds the key of a secret by the key that names its file.
func (l *loader) secret(fileName string) (key, bool) {
	for _, k := range l.keys {
		if fileName != "" && k.FileName() == fileName {
			return k, true
		}
	}
	return key{}, false
}
