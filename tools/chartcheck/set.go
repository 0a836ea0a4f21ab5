package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// checkSet sees that the objects fit together: who is selected is there, what is
// mounted exists, and the pod is as locked down as we say.
func checkSet(objects []object) error {
	var (
		deployment *appsv1.Deployment
		have       = map[string]bool{}
		all        []error
	)
	for _, o := range objects {
		have[o.kind+"/"+o.name] = true
		if d, ok := o.typed.(*appsv1.Deployment); ok {
			deployment = d
		}
	}
	if deployment == nil {
		return errors.New("there is no Deployment")
	}
	fail := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	pod := deployment.Spec.Template
	selects := func(kind string, selector map[string]string) {
		if len(selector) == 0 || !labels.SelectorFromSet(selector).Matches(labels.Set(pod.Labels)) {
			fail("the %s does not select the pod", kind)
		}
	}
	selects("Deployment", deployment.Spec.Selector.MatchLabels)
	for _, o := range objects {
		switch typed := o.typed.(type) {
		case *corev1.Service:
			selects("Service "+o.name, typed.Spec.Selector)
		case *policyv1.PodDisruptionBudget:
			selects("PodDisruptionBudget", typed.Spec.Selector.MatchLabels)
		case *networkingv1.NetworkPolicy:
			selects("NetworkPolicy", typed.Spec.PodSelector.MatchLabels)
		}
	}
	for _, kind := range []string{"ConfigMap", "Service", "PodDisruptionBudget", "NetworkPolicy"} {
		if !have[kind+"/"+deployment.Name] {
			fail("there is no %s %s", kind, deployment.Name)
		}
	}
	for _, v := range pod.Spec.Volumes {
		if c := v.PersistentVolumeClaim; c != nil && !have["PersistentVolumeClaim/"+c.ClaimName] {
			fail("the volume claim %s is not there", c.ClaimName)
		}
	}
	all = append(all, checkPod(deployment)...)
	return errors.Join(all...)
}

func checkPod(d *appsv1.Deployment) []error {
	spec := d.Spec.Template.Spec
	c := spec.Containers[0]
	several := *d.Spec.Replicas > 1
	must := func(p *bool, want bool) bool { return p != nil && *p == want }
	s, cs := spec.SecurityContext, c.SecurityContext
	var all []error
	for says, holds := range map[string]bool{
		"the pod must not run as root":               must(s.RunAsNonRoot, true) && *s.RunAsUser == 65532,
		"seccomp must be RuntimeDefault":             s.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault,
		"the root must be read-only":                 must(cs.ReadOnlyRootFilesystem, true),
		"privileges must not grow":                   must(cs.AllowPrivilegeEscalation, false),
		"all capabilities must be dropped":           len(cs.Capabilities.Drop) == 1 && cs.Capabilities.Drop[0] == "ALL",
		"the token must not be mounted":              must(spec.AutomountServiceAccountToken, false),
		"liveness must ask /livez":                   c.LivenessProbe.HTTPGet.Path == "/livez",
		"readiness must ask /readyz":                 c.ReadinessProbe.HTTPGet.Path == "/readyz",
		"the grace must be longer than the shutdown": *spec.TerminationGracePeriodSeconds > 25,
		"several replicas must roll":                 !several || d.Spec.Strategy.Type == appsv1.RollingUpdateDeploymentStrategyType,
	} {
		if !holds {
			all = append(all, errors.New(says))
		}
	}
	for _, v := range spec.Volumes {
		if v.PersistentVolumeClaim != nil && (several || d.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType) {
			all = append(all, errors.New("SQLite wants one replica that is recreated"))
		}
	}
	return all
}

// checkConfig loads the rendered config.yml by the server's own `config check`.
func checkConfig(objects []object, server string) error {
	if server == "" {
		return nil
	}
	binary, err := filepath.Abs(server)
	if err != nil {
		return err
	}
	for _, o := range objects {
		m, ok := o.typed.(*corev1.ConfigMap)
		if !ok {
			continue
		}
		dir, err := os.MkdirTemp("", "chartcheck")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir) //nolint:revive // one ConfigMap
		config := m.Data["config.yml"]
		env := []string{"ARM_GITHUB_WEBHOOK_SECRET=not-a-secret"}
		if !strings.Contains(config, "appID: 0") {
			key, err := privateKey()
			if err != nil {
				return err
			}
			env = append(env, "ARM_PRIVATE_KEY="+key)
		}
		if !strings.Contains(config, "sqlite:") {
			env = append(env, "ARM_DATABASE_URL=postgres://arm:x@db:5432/arm")
		}
		// Its path is one of the cluster's.
		config = strings.ReplaceAll(config, "/etc/ghes-ca/ca.crt", `""`)
		file := filepath.Join(dir, "config.yml")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel() //nolint:revive // one ConfigMap
		run := exec.CommandContext(ctx, binary, "config", "check", "--config", file)
		run.Env = env
		if out, err := run.CombinedOutput(); err != nil {
			return fmt.Errorf("the server refuses config.yml: %w\n%s\n%s", err, out, config)
		}
	}
	return nil
}

func privateKey() (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})), nil
}
