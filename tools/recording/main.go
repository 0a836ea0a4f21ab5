// Command recording draws docs/img/demo.svg: a comment in the demo and the bot's reply, as they
// were when it ran. "make recording" calls it; a test compares the picture with the demo.
package main

import (
	"bufio"
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

func main() {
	server := flag.String("server", "bin/actions-runner-manager", "the program, whose demo is recorded")
	out := flag.String("out", "docs/img/demo.svg", "the file to write")
	flag.Parse()
	if err := record(*server, *out); err != nil {
		fmt.Fprintln(os.Stderr, "recording:", err)
		os.Exit(1)
	}
}

// A scene is what the picture shows.
type scene struct {
	title, label string
	who, comment string
	bot          string
	reply        []line
}

func record(server, out string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	demo := exec.CommandContext(ctx, server, "demo", "--port", "0", "--github-port", "0")
	demo.Cancel = func() error { return demo.Process.Signal(os.Interrupt) }
	stdout, err := demo.StdoutPipe()
	if err != nil {
		return err
	}
	demo.Stderr = os.Stderr
	if err := demo.Start(); err != nil {
		return fmt.Errorf("start the demo: %w", err)
	}
	defer func() { cancel(); _ = demo.Wait() }()
	guide, err := readGuide(stdout)
	if err != nil {
		return err
	}
	s, err := play(ctx, guide)
	if err != nil {
		return err
	}
	return os.WriteFile(out, []byte(s.svg()), 0o644)
}

// readGuide reads what the demo prints, to its last line.
func readGuide(r io.Reader) (string, error) {
	var guide strings.Builder
	for lines := bufio.NewScanner(r); lines.Scan(); {
		guide.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "Ctrl-C") {
			return guide.String(), nil
		}
	}
	return "", errors.New("the demo ended before its guide did")
}

// play writes the guide's first comment on its issue, and waits for the reply.
func play(ctx context.Context, guide string) (scene, error) {
	m := regexp.MustCompile(`(?s)\n    (http://\S+/issues/1)\n.*?As (\w+),.*?\n    (/runner-group [^\n]+)\n`).FindStringSubmatch(guide)
	if m == nil {
		return scene{}, fmt.Errorf("no issue and comment in the guide:\n%s", guide)
	}
	issue := m[1]
	s := scene{who: m[2], comment: m[3]}
	if _, err := fetch(ctx, http.MethodPost, issue, url.Values{"as": {s.who}, "body": {s.comment}}); err != nil {
		return scene{}, err
	}
	for {
		page, err := fetch(ctx, http.MethodGet, issue, nil)
		if err != nil {
			return scene{}, err
		}
		if body := match(`(?s)<article class="comment bot".*?<div class="body">(.*?)</div>`, page); body != "" && strings.Contains(page, "🚀") {
			s.bot = match(`(?s)<article class="comment bot".*?<b>(.*?)</b>`, page)
			s.title, s.label = match(`<h1>(.*?) <span`, page), match(`<span class="label[^>]*>(.*?)</span>`, page)
			s.reply, err = paragraphs(body)
			return s, err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return scene{}, fmt.Errorf("the bot does not answer %s", s.comment)
		}
	}
}

func match(pattern, text string) string {
	if m := regexp.MustCompile(pattern).FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

func fetch(ctx context.Context, method, address string, form url.Values) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s", method, address, resp.Status)
	}
	return string(body), err
}

// A line is a paragraph of a comment: pieces with the element they are in, "" for none.
type line []piece

type piece struct{ text, element string }

// pieceOf is the text within the elements that are open.
func pieceOf(text string, open []string) piece {
	if open[1] == "pre" {
		return piece{strings.TrimSpace(text), "pre"}
	}
	return piece{text, strings.Join(open[2:], " ")}
}

// paragraphs takes HTML apart that has only paragraphs of text, strong, code and sub in it, and
// blocks of code of one line.
func paragraphs(html string) (lines []line, err error) {
	d := xml.NewDecoder(strings.NewReader("<div>" + html + "</div>"))
	d.Strict, d.Entity = false, xml.HTMLEntity
	var open []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			open = append(open, t.Name.Local)
			switch t.Name.Local {
			case "p", "pre":
				lines = append(lines, nil)
			case "div", "strong", "code", "sub", "a":
			default:
				return nil, fmt.Errorf("the picture cannot show <%s>", t.Name.Local)
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(lines) > 0 && strings.TrimSpace(strings.Join(open, " ")) != "div" {
				last := &lines[len(lines)-1]
				*last = append(*last, pieceOf(string(t), open))
			}
		}
	}
}
