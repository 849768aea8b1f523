package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"acquis/config"
)

var variable = regexp.MustCompile(`\bACQUIS_[A-Z_]+\b`)

func TestDeploy_variables(t *testing.T) {
	var reference bytes.Buffer
	if err := config.Reference(&reference); err != nil {
		t.Fatal(err)
	}
	known := variable.FindAllString(reference.String(), -1)
	named := 0
	for path, content := range deployFiles(t) {
		for _, name := range variable.FindAllString(content, -1) {
			named++
			if !slices.Contains(known, name) {
				t.Errorf("deploy/%s names %s, which no key of the configuration has", path, name)
			}
		}
	}
	if named < 20 {
		t.Errorf("only %d variables were found", named)
	}
}

// TestDeploy_settings holds that the configuration accepts what each way of deployment sets.
func TestDeploy_settings(t *testing.T) {
	files := deployFiles(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("mongodb://acquis:secret@mongo1,mongo2/acquis?replicaSet=acquis\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"Dockerfile", "compose.yaml", "kubernetes/base/acquis.env", "kubernetes/example/kustomization.yaml", "acquis.service.d/mongodb.conf"} {
		t.Run(path, func(t *testing.T) {
			environ := settings(files[path], secret)
			if len(environ) == 0 {
				t.Fatal("no setting was found")
			}
			if _, err := config.Load("", environ); err != nil {
				t.Errorf("%q:\n%v", environ, err)
			}
		})
	}
}

var assignment = regexp.MustCompile(`(?m)\b(ACQUIS_[A-Z_]+)(?:=|: )(\S+)`)

// settings finds what a file sets, however its format writes that. Mounted files are the one at secret.
func settings(content, secret string) (environ []string) {
	for _, found := range assignment.FindAllStringSubmatch(content, -1) {
		name, value := found[1], found[2]
		if strings.HasSuffix(name, "_FILE") {
			value = secret
		}
		environ = append(environ, name+"="+value)
	}
	return environ
}

var (
	metric      = regexp.MustCompile(`\b(?:acquis|go|process)_[a-z0-9_]+\b`)
	exposedType = regexp.MustCompile(`(?m)^# TYPE (\S+) `)
	partOf      = regexp.MustCompile(`_(bucket|sum|count)$`)
)

func TestDeploy_metrics(t *testing.T) {
	p := serve(t, nil, "--data", t.TempDir())
	response, err := http.Get(p.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var exposed []string
	for _, found := range exposedType.FindAllStringSubmatch(string(text), -1) {
		exposed = append(exposed, found[1])
	}
	exposed = append(exposed, mongoMetrics(t)...)
	files := deployFiles(t)
	for _, path := range []string{"prometheus/alerts.yaml", "prometheus/alerts.test.yaml", "grafana/acquis.json"} {
		used := metric.FindAllString(files[path], -1)
		if len(used) < 10 {
			t.Errorf("deploy/%s uses %d metrics", path, len(used))
		}
		for _, name := range used {
			if !slices.Contains(exposed, name) && !slices.Contains(exposed, partOf.ReplaceAllString(name, "")) {
				t.Errorf("deploy/%s uses %s, which a running acquis does not expose", path, name)
			}
		}
	}
}

var namedMetric = regexp.MustCompile(`(?:Name: |NewDesc\()"(acquis_[a-z_]+)"`)

// mongoMetrics are the names that the MongoDB store gives its metrics, read from its source: without a
// database it exposes none.
func mongoMetrics(t *testing.T) (names []string) {
	t.Helper()
	source, err := os.ReadFile("../../storage/mongostore/metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range namedMetric.FindAllStringSubmatch(string(source), -1) {
		names = append(names, found[1])
	}
	return names
}
