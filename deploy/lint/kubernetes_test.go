package lint

import (
	"bytes"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// cluster is what a kustomization makes, by kind and name.
type cluster struct {
	namespaces  map[string]*corev1.Namespace
	settings    map[string]*corev1.ConfigMap
	accounts    map[string]*corev1.ServiceAccount
	services    map[string]*corev1.Service
	deployments map[string]*appsv1.Deployment
	scalers     map[string]*autoscalingv2.HorizontalPodAutoscaler
	budgets     map[string]*policyv1.PodDisruptionBudget
	policies    map[string]*networkingv1.NetworkPolicy
	ingresses   map[string]*networkingv1.Ingress
}

// build runs kustomize on a folder of deploy/kubernetes and reads each object into its type. A field that
// the type does not have is a fault.
func build(t *testing.T, folder string) cluster {
	t.Helper()
	options := krusty.MakeDefaultOptions()
	made, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), "../kubernetes/"+folder)
	if err != nil {
		t.Fatal(err)
	}
	c := cluster{}
	for _, object := range made.Resources() {
		text, err := object.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		name := object.GetName()
		switch kind := object.GetApiVersion() + " " + object.GetKind(); kind {
		case "v1 Namespace":
			read(t, &c.namespaces, name, text)
		case "v1 ConfigMap":
			read(t, &c.settings, "acquis", text) // kustomize appends a digest to its name
		case "v1 ServiceAccount":
			read(t, &c.accounts, name, text)
		case "v1 Service":
			read(t, &c.services, name, text)
		case "apps/v1 Deployment":
			read(t, &c.deployments, name, text)
		case "autoscaling/v2 HorizontalPodAutoscaler":
			read(t, &c.scalers, name, text)
		case "policy/v1 PodDisruptionBudget":
			read(t, &c.budgets, name, text)
		case "networking.k8s.io/v1 NetworkPolicy":
			read(t, &c.policies, name, text)
		case "networking.k8s.io/v1 Ingress":
			read(t, &c.ingresses, name, text)
		default:
			t.Errorf("%s: %s %s has no place here; a Secret must not be in the repository", folder, kind, name)
		}
		if kind := object.GetKind(); kind != "Namespace" && object.GetNamespace() != "acquis" {
			t.Errorf("%s: %s %s is in namespace %q", folder, kind, name, object.GetNamespace())
		}
	}
	return c
}

// read adds the object that text describes.
func read[T any](t *testing.T, to *map[string]*T, name string, text []byte) {
	t.Helper()
	object := new(T)
	if err := yaml.UnmarshalStrict(text, object); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, text)
	}
	if *to == nil {
		*to = map[string]*T{}
	}
	(*to)[name] = object
}

func TestKubernetes(t *testing.T) {
	for _, folder := range []string{"base", "example"} {
		t.Run(folder, func(t *testing.T) {
			c := build(t, folder)
			d := c.deployments["acquis"]
			if d == nil {
				t.Fatal("there is no Deployment acquis")
			}
			t.Run("the pods keep the restricted profile", func(t *testing.T) { checkRestricted(t, c, d.Spec.Template.Spec) })
			t.Run("a pod that ends is out of the service before it takes no connections, and ends before it is killed", func(t *testing.T) { checkEnd(t, c, d) })
			t.Run("selectors find the pods and targets exist", func(t *testing.T) { checkSelectors(t, c, d) })
			t.Run("two pods at least serve, and one at most is missing", func(t *testing.T) { checkAvailability(t, c, d) })
			t.Run("only what is named may talk or be talked to", func(t *testing.T) { checkPolicies(t, c) })
			t.Run("probes ask what they are for", func(t *testing.T) { checkProbes(t, d.Spec.Template.Spec.Containers[0]) })
		})
	}
}

// checkRestricted holds the pod to the Pod Security Standard of that name.
func checkRestricted(t *testing.T, c cluster, pod corev1.PodSpec) {
	if c.namespaces["acquis"].Labels["pod-security.kubernetes.io/enforce"] != "restricted" {
		t.Error("the namespace does not enforce the profile")
	}
	if pod.HostNetwork || pod.HostPID || pod.HostIPC {
		t.Error("the pod shares something with its node")
	}
	if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken || *c.accounts["acquis"].AutomountServiceAccountToken {
		t.Error("the pod gets a token")
	}
	if s := pod.SecurityContext; s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.RunAsUser == nil || *s.RunAsUser == 0 || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("the pod's security context is %v", s)
	}
	for _, v := range pod.Volumes {
		if v.Projected == nil && v.EmptyDir == nil {
			t.Errorf("volume %s is neither projected nor empty", v.Name)
		}
	}
	for _, container := range pod.Containers {
		s := container.SecurityContext
		if s == nil || *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || *s.Privileged || len(s.Capabilities.Add) > 0 || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" {
			t.Errorf("the security context of %s is %v", container.Name, s)
		}
		if container.Resources.Limits.Memory().IsZero() || container.Resources.Requests.Cpu().IsZero() {
			t.Errorf("%s has no memory limit or no processor request", container.Name)
		}
	}
}

func checkEnd(t *testing.T, c cluster, d *appsv1.Deployment) {
	delay, drain := setting(t, c, "ACQUIS_HTTP_DRAIN_DELAY"), setting(t, c, "ACQUIS_HTTP_DRAIN")
	grace := time.Duration(*d.Spec.Template.Spec.TerminationGracePeriodSeconds) * time.Second
	if delay+drain+5*time.Second > grace {
		t.Errorf("%s and %s and closing do not fit into terminationGracePeriodSeconds, %s", delay, drain, grace)
	}
	ready := d.Spec.Template.Spec.Containers[0].ReadinessProbe
	if seen := time.Duration(ready.PeriodSeconds*ready.FailureThreshold) * time.Second; seen > delay {
		t.Errorf("readiness is lost after %s, later than drain_delay, %s", seen, delay)
	}
}

// setting is a duration of the ConfigMap.
func setting(t *testing.T, c cluster, variable string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(c.settings["acquis"].Data[variable])
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return d
}

func checkSelectors(t *testing.T, c cluster, d *appsv1.Deployment) {
	pod := labels.Set(d.Spec.Template.Labels)
	selectors := map[string]*metav1.LabelSelector{
		"Deployment": d.Spec.Selector, "PodDisruptionBudget": c.budgets["acquis"].Spec.Selector,
		"NetworkPolicy": &c.policies["acquis"].Spec.PodSelector, "Service": {MatchLabels: c.services["acquis"].Spec.Selector},
	}
	for _, spread := range d.Spec.Template.Spec.TopologySpreadConstraints {
		selectors["spread over "+spread.TopologyKey] = spread.LabelSelector
	}
	for of, selector := range selectors {
		if compiled, err := metav1.LabelSelectorAsSelector(selector); err != nil || compiled.Empty() || !compiled.Matches(pod) {
			t.Errorf("the selector of the %s, %v, does not find pods with %v: %v", of, selector, pod, err)
		}
	}
	ports := map[string]bool{}
	for _, port := range d.Spec.Template.Spec.Containers[0].Ports {
		ports[port.Name] = true
	}
	for _, port := range c.services["acquis"].Spec.Ports {
		if !ports[port.TargetPort.StrVal] {
			t.Errorf("the Service leads to port %s, which the pod does not have", port.TargetPort.String())
		}
	}
	container := d.Spec.Template.Spec.Containers[0]
	if from := container.EnvFrom[0].ConfigMapRef.Name; from != c.settings["acquis"].Name {
		t.Errorf("the pod's settings are %s, made is %s", from, c.settings["acquis"].Name)
	}
	if account := d.Spec.Template.Spec.ServiceAccountName; c.accounts[account] == nil {
		t.Errorf("there is no ServiceAccount %s", account)
	}
	for _, ingress := range c.ingresses {
		for _, rule := range ingress.Spec.Rules {
			for _, path := range rule.HTTP.Paths {
				if s := c.services[path.Backend.Service.Name]; s == nil || s.Spec.Ports[0].Name != path.Backend.Service.Port.Name {
					t.Errorf("the Ingress leads to %v, which is not there", path.Backend.Service)
				}
			}
		}
	}
}

func checkAvailability(t *testing.T, c cluster, d *appsv1.Deployment) {
	scaler := c.scalers["acquis"].Spec
	if target := scaler.ScaleTargetRef; target.APIVersion != d.APIVersion || target.Kind != d.Kind || target.Name != d.Name {
		t.Errorf("the autoscaler scales %v", target)
	}
	if d.Spec.Replicas != nil {
		t.Error("the Deployment sets replicas, so each apply undoes the autoscaler's")
	}
	if *scaler.MinReplicas < 2 || scaler.MaxReplicas <= *scaler.MinReplicas {
		t.Errorf("from %d to %d pods", *scaler.MinReplicas, scaler.MaxReplicas)
	}
	if missing := c.budgets["acquis"].Spec.MaxUnavailable; missing == nil || missing.IntValue() != 1 {
		t.Errorf("the disruption budget allows %v to be missing", missing)
	}
	if update := d.Spec.Strategy.RollingUpdate; update.MaxUnavailable.IntValue() != 0 || update.MaxSurge.IntValue() < 1 {
		t.Errorf("an update leaves pods missing: %v", update)
	}
}

func checkPolicies(t *testing.T, c cluster) {
	deny := c.policies["default-deny"].Spec
	if len(deny.PolicyTypes) != 2 || len(deny.Ingress)+len(deny.Egress) > 0 || len(deny.PodSelector.MatchLabels) > 0 {
		t.Errorf("default-deny does not deny everything: %v", deny)
	}
	allow := c.policies["acquis"].Spec
	for _, rule := range allow.Ingress {
		for _, from := range rule.From {
			if len(rule.Ports) == 0 || from.NamespaceSelector == nil || from.PodSelector == nil || from.PodSelector.MatchLabels["app.kubernetes.io/name"] == "acquis" {
				t.Errorf("ingress from %v to %v", from, rule.Ports)
			}
		}
	}
	for _, rule := range allow.Egress {
		if len(rule.To) == 0 || len(rule.Ports) == 0 {
			t.Errorf("egress to %v at %v is open", rule.To, rule.Ports)
		}
	}
}

func checkProbes(t *testing.T, container corev1.Container) {
	for name, want := range map[string]struct {
		probe *corev1.Probe
		path  string
	}{
		"startup":   {container.StartupProbe, "/healthz"},
		"liveness":  {container.LivenessProbe, "/healthz"},
		"readiness": {container.ReadinessProbe, "/readyz"},
	} {
		// The main port says that it drains, the other one might not be reached.
		if want.probe == nil || want.probe.HTTPGet.Path != want.path || want.probe.HTTPGet.Port.StrVal != "http" {
			t.Errorf("the %s probe is %v, want GET %s of port http", name, want.probe, want.path)
		}
	}
}

func TestKubernetes_strictness(t *testing.T) {
	text := []byte("apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {prots: []}\n")
	if err := yaml.UnmarshalStrict(text, &corev1.Service{}); err == nil || !strings.Contains(err.Error(), "prots") {
		t.Errorf("a field that does not exist is let through: %v", err)
	}
	if doubled := bytes.Replace(text, []byte("kind: Service"), []byte("kind: Service\nkind: Service"), 1); yaml.UnmarshalStrict(doubled, &corev1.Service{}) == nil {
		t.Error("a key that stands twice is let through")
	}
}
