package config

import (
	"errors"
	"regexp"
	"strings"
)

// environment is koanf's provider for the variables whose name starts with ACQUIS_. Whatever is wrong
// becomes a fault of the loader; Read itself never fails.
type environment struct {
	loader  *loader
	environ []string
}

// Read gives the settings by the names of their keys.
func (e *environment) Read() (map[string]any, error) {
	variables := e.variables()
	settings := map[string]any{}
	for _, k := range e.loader.keys {
		if raw, origin, found := e.setting(k, variables); found {
			settings[k.Name] = raw
			e.loader.origins[k.Name] = origin
		}
	}
	for name := range variables { // those that no key took
		e.loader.fault(Origin{Variable: name}, "", "there is no such variable%s", e.loader.suggestVariable(name))
	}
	return settings, nil
}

// ReadBytes is for providers whose content needs a parser, which the environment does not.
func (e *environment) ReadBytes() ([]byte, error) {
	return nil, errors.New("the environment is read as variables, not as bytes")
}

func (e *environment) variables() map[string]string {
	variables := map[string]string{}
	for _, entry := range e.environ {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, variablePrefix) && !isServiceLink(name, value) {
			variables[name] = value
		}
	}
	return variables
}

// serviceLink matches what Kubernetes adds to every container for a Service called acquis or acquis-...
// A Service must not keep the program it leads to from starting.
var serviceLink = regexp.MustCompile(`_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?$`)

func isServiceLink(name, value string) bool {
	return serviceLink.MatchString(name) || strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
}

// setting takes the variables of a key out of variables.
func (e *environment) setting(k key, variables map[string]string) (raw any, origin Origin, found bool) {
	text, found := variables[k.Variable()]
	path, inFile := variables[k.FileVariable()]
	delete(variables, k.Variable())
	delete(variables, k.FileVariable())
	switch {
	case found && inFile:
		e.loader.fault(Origin{Variable: k.FileVariable()}, k.Name, "%s is set too: keep one of them", k.Variable())
		return nil, Origin{}, false
	case inFile:
		return secretPath(path), Origin{Variable: k.FileVariable()}, true
	}
	return text, Origin{Variable: k.Variable()}, found
}
