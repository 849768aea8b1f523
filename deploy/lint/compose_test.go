package lint

import (
	"slices"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// loadCompose reads deploy/compose.yaml as docker compose does: merged, checked by the schema, its
// dependencies resolved.
func loadCompose(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"../compose.yaml"}, cli.WithWorkingDirectory(".."), cli.WithResolvedPaths(true))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestCompose(t *testing.T) {
	project := loadCompose(t)
	if len(project.Services) != 7 {
		t.Errorf("%d services: %v", len(project.Services), project.ServiceNames())
	}
	for name, service := range project.Services {
		t.Run(name, func(t *testing.T) { checkHardened(t, service) })
		t.Run(name+" waits for the health of what it needs", func(t *testing.T) { checkWaits(t, project, service) })
	}
	t.Run("only the balancer has a port on the host", func(t *testing.T) {
		for name, service := range project.Services {
			if (len(service.Ports) > 0) != (name == "balancer") {
				t.Errorf("%s publishes %v", name, service.Ports)
			}
		}
	})
	t.Run("the database is on a network without a way out", func(t *testing.T) {
		if !project.Networks["store"].Internal {
			t.Error("the network store is not internal")
		}
		for _, name := range []string{"mongo1", "mongo2", "mongo3"} {
			networks := project.Services[name].Networks
			if _, ok := networks["store"]; !ok || len(networks) != 1 {
				t.Errorf("%s is on %v", name, networks)
			}
		}
	})
	t.Run("every secret is a file and none is a value", func(t *testing.T) {
		for name, secret := range project.Secrets {
			if secret.File == "" {
				t.Errorf("%s comes from elsewhere", name)
			}
		}
		for name, service := range project.Services {
			for _, variable := range []string{"ACQUIS_STORE_URI", "ACQUIS_ROOT_SECRET"} {
				if _, set := service.Environment[variable]; set {
					t.Errorf("%s has the value of %s", name, variable)
				}
			}
		}
	})
	t.Run("an Acquis ends by itself before it is killed", func(t *testing.T) {
		for _, name := range []string{"acquis1", "acquis2"} {
			service := project.Services[name]
			ending := duration(t, service, "ACQUIS_HTTP_DRAIN_DELAY") + duration(t, service, "ACQUIS_HTTP_DRAIN") + 5*time.Second
			if grace := time.Duration(*service.StopGracePeriod); ending > grace {
				t.Errorf("%s may take %s to end and is killed after %s", name, ending, grace)
			}
		}
	})
}

func checkHardened(t *testing.T, s types.ServiceConfig) {
	if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || len(s.CapAdd) > 0 || s.Privileged || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
		t.Error("it is not hardened: read_only, cap_drop ALL, no-new-privileges")
	}
	if s.Deploy == nil || s.Deploy.Resources.Limits == nil || s.Deploy.Resources.Limits.MemoryBytes == 0 || s.Deploy.Resources.Limits.NanoCPUs == 0 || s.Deploy.Resources.Limits.Pids == 0 {
		t.Error("it has no limits for memory, processors and processes")
	}
	if s.HealthCheck == nil && s.Name != "mongo-init" {
		t.Error("it has no health check")
	}
}

// checkWaits accepts no dependency that is only started.
func checkWaits(t *testing.T, project *types.Project, s types.ServiceConfig) {
	for on, how := range s.DependsOn {
		want := types.ServiceConditionHealthy
		if project.Services[on].HealthCheck == nil {
			want = types.ServiceConditionCompletedSuccessfully
		}
		// network_mode: service:… adds a dependency of its own where none is written.
		if how.Condition != want {
			t.Errorf("it waits for %s to be %s, want %s", on, how.Condition, want)
		}
	}
}

func duration(t *testing.T, s types.ServiceConfig, variable string) time.Duration {
	t.Helper()
	value := s.Environment[variable]
	if value == nil {
		t.Fatalf("%s does not set %s", s.Name, variable)
	}
	d, err := time.ParseDuration(*value)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
