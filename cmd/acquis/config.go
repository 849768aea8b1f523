package main

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"acquis/config"
)

// ConfigCmd looks after the configuration.
type ConfigCmd struct {
	Check     configCheck     `cmd:"" help:"Say whether serve would accept the configuration; list everything that is wrong."`
	Reference configReference `cmd:"" help:"Write the reference of all keys, in Markdown."`
	Example   configExample   `cmd:"" help:"Write an example file with every key, in YAML."`
}

type configCheck struct {
	Config string `type:"path" placeholder:"FILE" help:"Configuration file; without one, the environment alone is checked."`
}

// Run checks the file and the environment.
func (c *configCheck) Run(app *kong.Context) error {
	cfg, err := config.Load(c.Config, os.Environ())
	if err == nil && cfg.Store.URI != "" {
		err = checkURI(cfg.Store.URI.Reveal())
	}
	if err != nil {
		return fmt.Errorf("the configuration has faults:\n%w", err)
	}
	_, err = fmt.Fprintln(app.Stdout, "The configuration is fine.")
	return err
}

type configReference struct{}

// Run writes docs/configuration.md.
func (c *configReference) Run(app *kong.Context) error { return config.Reference(app.Stdout) }

type configExample struct{}

// Run writes deploy/acquis.example.yaml.
func (c *configExample) Run(app *kong.Context) error { return config.Example(app.Stdout) }
