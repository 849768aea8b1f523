// Package lint checks the files of deploy with the real types and parsers of those who will read them:
// Kubernetes and kustomize, Compose, Docker, Prometheus, and a running HAProxy. It is a module of its own, so
// that the product does not depend on theirs; `make lint-deploy` runs it.
package lint
