package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	sigsyaml "sigs.k8s.io/yaml"
)

// An object is one of Kubernetes' kinds (typed), or one of an operator's (custom).
type object struct {
	kind, name string
	typed      runtime.Object
	custom     map[string]any
}

// custom says, for the kinds of operators, what their specification has to hold, and
// all that it may hold, at its first level.
var custom = map[string]struct{ must, may []string }{
	"external-secrets.io/v1/ExternalSecret":   {must: []string{"secretStoreRef", "target", "data"}, may: []string{"refreshInterval"}},
	"external-secrets.io/v1/SecretStore":      {must: []string{"provider"}},
	"cert-manager.io/v1/Certificate":          {must: []string{"secretName", "dnsNames", "issuerRef"}, may: []string{"privateKey"}},
	"monitoring.coreos.com/v1/ServiceMonitor": {must: []string{"selector", "endpoints"}},
}

// decode reads a file with several objects; unknown and repeated fields are errors.
func decode(manifest string) ([]object, error) {
	strict := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	documents := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(manifest)))
	var objects []object
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return objects, err
		}
		var head map[string]any
		if err := sigsyaml.UnmarshalStrict(document, &head); err != nil {
			return objects, err
		}
		if len(head) == 0 {
			continue // only comments
		}
		o, err := decodeOne(strict, document, head)
		if err != nil {
			return objects, fmt.Errorf("%s %s: %w", o.kind, o.name, err)
		}
		objects = append(objects, o)
	}
}

func decodeOne(strict runtime.Decoder, document []byte, head map[string]any) (object, error) {
	meta, _ := head["metadata"].(map[string]any)
	o := object{kind: fmt.Sprint(head["kind"]), name: fmt.Sprint(meta["name"]), custom: head}
	shape, foreign := custom[fmt.Sprintf("%v/%v", head["apiVersion"], head["kind"])]
	if !foreign {
		var err error
		o.typed, _, err = strict.Decode(document, nil, nil)
		return o, err
	}
	spec, ok := head["spec"].(map[string]any)
	if !ok {
		return o, errors.New("there is no spec")
	}
	left := map[string]bool{}
	for key := range spec {
		left[key] = true
	}
	for _, key := range shape.must {
		if !left[key] {
			return o, fmt.Errorf("spec.%s is missing", key)
		}
		delete(left, key)
	}
	for _, key := range shape.may {
		delete(left, key)
	}
	for key := range left {
		return o, fmt.Errorf("spec.%s is unknown", key)
	}
	return o, nil
}
