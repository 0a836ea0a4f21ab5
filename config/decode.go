package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// readFile walks the file's syntax tree and sets c to what it says. A decoder would
// stop at its first error; the walk names every unknown, repeated and mistyped key.
func (l *loader) readFile(c *Config, data []byte) {
	root, ok := l.parse(data)
	if ok && root != nil {
		l.mapping(root, reflect.ValueOf(c).Elem(), "", l.placeOf(root))
	}
	l.unparsed = !ok
}

// parse returns the root of the one document in data; nil if it is empty.
func (l *loader) parse(data []byte) (root ast.Node, ok bool) {
	if len(data) > maxFile {
		l.add(l.placeAt(0, 0), "", "is larger than 1 MiB: that is no configuration")
		return nil, false
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")) // the parser counts some of them as two lines
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		l.refuseSyntax(err)
		return nil, false
	}
	for _, doc := range file.Docs {
		if doc.Body == nil || isEmpty(doc.Body) {
			continue
		}
		if root != nil {
			l.add(l.placeOf(doc.Body), "", "a second YAML document begins here: put all keys into one")
			return nil, false
		}
		root = doc.Body
	}
	l.anchors = map[string]ast.Node{}
	if root != nil {
		ast.Walk(anchorVisitor{l.anchors}, root)
	}
	return root, true
}

func isEmpty(n ast.Node) bool {
	return n.Type() == ast.NullType || n.Type() == ast.CommentType || n.Type() == ast.DirectiveType
}

type anchorVisitor struct{ anchors map[string]ast.Node }

// Visit collects the anchors.
func (v anchorVisitor) Visit(n ast.Node) ast.Visitor {
	if anchor, ok := n.(*ast.AnchorNode); ok && anchor.Name != nil {
		v.anchors[anchor.Name.GetToken().Value] = anchor.Value
	}
	return v
}

// refuseSyntax notes why the parser gave up. Its sentence is kept, its excerpt of the source is not.
func (l *loader) refuseSyntax(err error) {
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil || at.GetToken().Position == nil {
		l.add(l.placeAt(0, 0), "", "is not YAML")
		return
	}
	position := at.GetToken().Position
	message := quotedText.ReplaceAllString(at.GetMessage(), `"…"`)
	l.add(l.placeAt(position.Line, position.Column), "", "is not YAML from here on: "+message)
}

// quotedText finds what a parser's message repeats of the source, but single letters.
var quotedText = regexp.MustCompile(`"(\\.|[^"\\]){3,}"`)

func (l *loader) placeAt(line, column int) place { return place{line, column, l.variable} }

func (l *loader) placeOf(n ast.Node) place {
	if entries, ok := n.(ast.MapNode); ok { // its own token is the first colon
		if first := entries.MapRange(); first.Next() {
			return l.placeOf(first.Key())
		}
	}
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return l.placeAt(0, 0)
	}
	position := n.GetToken().Position
	return l.placeAt(position.Line, position.Column)
}

// resolve strips anchors and tags from a node and follows aliases.
func (l *loader) resolve(n ast.Node) ast.Node {
	for range 16 { // an alias may lead to itself
		switch node := n.(type) {
		case *ast.AnchorNode:
			n = node.Value
		case *ast.TagNode:
			n = node.Value
		case *ast.AliasNode:
			n = l.anchors[node.Value.GetToken().Value]
		default:
			return n
		}
	}
	return nil
}

// mapping sets the struct v to what the node says, and notes every mistake below it.
func (l *loader) mapping(n ast.Node, v reflect.Value, path string, at place) {
	node, ok := l.resolve(n).(ast.MapNode)
	if !ok {
		l.refuse(at, path, "must be a mapping of keys to values")
		return
	}
	fields := fieldsOf(v.Type())
	written := map[string]bool{}  // the names that were met
	holder := map[string]string{} // by field, the name that gives its value
	for entries := node.MapRange(); entries.Next(); {
		keyNode := entries.Key()
		at, name := l.placeOf(keyNode), keyNode.GetToken().Value
		if keyNode.IsMergeKey() {
			l.add(at, join(path, "<<"), "merging is not supported: write the keys out")
			continue
		}
		f, known := find(fields, name)
		if !known {
			l.add(at, join(path, shown(name)), "is not a key"+meant(fields, path, name))
			continue
		}
		if written[name] {
			l.add(at, join(path, name), "is given twice: keep one of them")
			continue
		}
		written[name] = true
		if l.isUnset(entries.Value()) && f.secret {
			continue
		}
		if before := holder[f.name]; before != "" {
			l.add(at, join(path, name), already(before))
			continue
		}
		holder[f.name] = name
		l.value(entries.Value(), v.Field(f.index), f, join(path, f.name), at, name)
	}
}

func find(fields []field, name string) (field, bool) {
	for _, f := range fields {
		for _, n := range f.names() {
			if n == name {
				return f, true
			}
		}
	}
	return field{}, false
}

// meant proposes what an unknown key was meant to be: a key of the same section, else one
// of another.
func meant(fields []field, path, name string) string {
	spelled := func(f field) string { return f.spelled(name) }
	called := func(f field) string { return f.called(name) }
	var names []string
	for _, f := range fields {
		if n := cmp.Or(spelled(f), called(f)); n != "" {
			return didYouMean(n)
		}
		names = append(names, f.names()...)
	}
	if there := elsewhere(spelled); there != "" && !strings.HasPrefix(join(path, name), there) {
		return didYouMean(there)
	}
	if near := nearest(name, names); near != "" {
		return didYouMean(near)
	}
	if there := elsewhere(called); there != "" {
		return didYouMean(there)
	}
	return ""
}

func didYouMean(key string) string { return "; did you mean " + key + "?" }

func already(name string) string {
	return name + " says the same already: keep one of them"
}

// isUnset reports whether a node is empty, as templates leave the secrets that they do not use.
func (l *loader) isUnset(n ast.Node) bool {
	switch node := l.resolve(n).(type) {
	case *ast.NullNode:
		return true
	case *ast.StringNode:
		return node.Value == ""
	}
	return false
}

// value sets the field to what the node says. Name is the key as it was written: the
// field's own, its alias, or that of the file that holds a secret.
func (l *loader) value(n ast.Node, v reflect.Value, f field, key string, at place, name string) {
	node := l.resolve(n)
	if node == nil {
		l.refuse(at, key, "refers to an anchor that does not exist")
		return
	}
	if node.Type() == ast.NullType {
		return // as if it were not there
	}
	l.given[key] = at
	switch {
	case f.isSection():
		l.mapping(node, v, key, at)
	case f.isOrgs():
		l.orgs = node
	case f.secret && name == f.name+fileSuffix:
		if items, ok := l.texts(node, f, key+fileSuffix, at); ok {
			l.files[key], l.targets[key] = items, v
		}
	default:
		if items, ok := l.texts(node, f, key, at); ok {
			l.set(f, v, key, items)
		}
	}
}

// texts returns the scalars that a node holds: one, or if the field is a list several.
func (l *loader) texts(n ast.Node, f field, key string, at place) ([]text, bool) {
	list := f.kind.Kind() == reflect.Slice
	if sequence, ok := n.(*ast.SequenceNode); ok {
		if !list {
			l.refuse(at, key, "must be a single value, not a list")
			return nil, false
		}
		items := make([]text, 0, len(sequence.Values))
		for i, item := range sequence.Values {
			value, ok := l.scalar(item, f, fmt.Sprintf("%s[%d]", key, i), l.placeOf(item))
			if ok {
				items = append(items, text{value, l.placeOf(item)})
			}
		}
		return items, len(items) == len(sequence.Values)
	}
	// Of all lists, only secrets may be a single value.
	if list && !f.secret {
		l.refuse(at, key, "must be a list, such as [a, b]")
		return nil, false
	}
	value, ok := l.scalar(n, f, key, at)
	return []text{{value, at}}, ok
}

// scalar returns the text of a node that holds a single value.
func (l *loader) scalar(n ast.Node, f field, key string, at place) (string, bool) {
	switch node := l.resolve(n).(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.LiteralNode:
		return node.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return node.GetToken().Value, true
	case *ast.BoolNode:
		if f.kind.Kind() == reflect.Bool || slices.Contains(f.enum, "true") {
			return node.GetToken().Value, true
		}
		if f.kind.Kind() == reflect.String || f.kind.Kind() == reflect.Slice {
			l.refuse(at, key, "must be text: put true and false in quotes where they are meant as such")
			return "", false
		}
		return node.GetToken().Value, true
	case *ast.NullNode:
		l.refuse(at, key, "is empty")
		return "", false
	}
	l.refuse(at, key, "must be a single value")
	return "", false
}

// set sets v to the items, which are one unless v is a list.
func (l *loader) set(f field, v reflect.Value, key string, items []text) {
	if key == "appID" && clientIDShape.MatchString(items[0].value) {
		l.clientID = items[0].value
		return
	}
	if v.Kind() != reflect.Slice {
		if problem := setText(v, items[0].value, f.enum); problem != "" {
			l.refuse(items[0].place, key, problem)
		}
		return
	}
	list := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		itemKey := fmt.Sprintf("%s[%d]", key, i)
		l.given[itemKey] = item.place
		if problem := setText(list.Index(i), item.value, f.enum); problem != "" {
			l.refuse(item.place, itemKey, problem)
		}
	}
	v.Set(list)
}

// readOrgs reads the entries of orgs. It comes last, since they inherit chatops and
// policy as the file and the environment have set them.
func (l *loader) readOrgs(c *Config) {
	node := l.orgs
	if value := l.env["ARM_ORGS"]; value != "" {
		l.variable = "ARM_ORGS"
		l.given["orgs"] = l.placeAt(0, 0)
		var ok bool
		if node, ok = l.parseJSON(value); !ok {
			return
		}
	}
	if node == nil {
		return
	}
	sequence, ok := l.resolve(node).(*ast.SequenceNode)
	if !ok {
		l.refuse(l.given["orgs"], "orgs", "must be a list of organizations, each with org")
		return
	}
	for i, item := range sequence.Values {
		entry := Organization{Chatops: c.Chatops, Policy: c.Policy}
		key := fmt.Sprintf("orgs[%d]", i)
		l.given[key] = l.placeOf(item)
		l.mapping(item, reflect.ValueOf(&entry).Elem(), key, l.given[key])
		c.Orgs = append(c.Orgs, entry)
	}
}
