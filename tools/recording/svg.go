package main

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// longest is how many characters fit into a line of the picture.
const longest = 88

// svg draws the scene. It has no script and no other host, and moves only if its reader wants
// movement. Its end is what is seen without animation.
func (s scene) svg() string {
	var reply strings.Builder
	y := 262
	for _, l := range s.reply {
		class, x := "reply", 96
		if l.block() {
			class, x = "lines", 110
			fmt.Fprintf(&reply, `<rect class="head" x="96" y="%d" width="680" height="32" rx="6"/>`+"\n", y-21)
		}
		fmt.Fprintf(&reply, `<text class="%s" x="%d" y="%d">%s</text>`+"\n", class, x, y, l.svg())
		y += 28
		if l.block() {
			y += 8
		}
	}
	more := y - 318 // than a reply of two lines
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 %[9]d" width="820" height="%[9]d" role="img" aria-labelledby="title desc">
<title id="title">A comment with a command, and the reply</title>
<desc id="desc">%[1]s comments %[2]s. The bot replies: %[3]s</desc>
<style>
:root { --page: #ffffff; --card: #f6f8fa; --line: #d1d9e0; --ink: #1f2328; --soft: #59636e; --code: #0550ae; --mark: #ddf4ff; --on: #0969da }
@media (prefers-color-scheme: dark) { :root { --page: #0d1117; --card: #151b23; --line: #3d444d; --ink: #f0f6fc; --soft: #9198a1; --code: #79c0ff; --mark: #121d2f; --on: #4493f8 } }
text { font: 15px -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: var(--ink) }
.page { fill: var(--page); stroke: var(--line) } .card { fill: var(--page); stroke: var(--line) } .head { fill: var(--card) }
.title { font-size: 20px; font-weight: 600 } .soft, .sub { fill: var(--soft) } .sub { font-size: 12.5px }
.label { fill: var(--mark); stroke: var(--on) } .labeltext { fill: var(--on); font-size: 12.5px }
.strong { font-weight: 600 } .comment, .code, .lines { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 13.5px } .code { fill: var(--code) }
.sub.code, .sub .code { font-size: 11.5px } .avatar { fill: var(--on) } .bot { fill: var(--soft) } .letter { fill: var(--page); font-weight: 600; text-anchor: middle }
.chip { fill: var(--mark); stroke: var(--line) } .emoji { font-size: 13px } .cover { fill: var(--page); transform: scaleX(0); transform-origin: 700px 0 }
.type { animation: type 12s infinite steps(32, end) } .seen { opacity: 0; animation: seen 12s infinite } .done { animation: done 12s infinite } .answer { animation: answer 12s infinite }
@keyframes type { 0%%, 4%% { transform: scaleX(1) } 24%%, 100%% { transform: scaleX(0) } }
@keyframes seen { 0%%, 30%% { opacity: 0 } 32%%, 46%% { opacity: 1 } 48%%, 100%% { opacity: 0 } }
@keyframes answer { 0%%, 40%% { opacity: 0; transform: translateY(6px) } 44%%, 100%% { opacity: 1; transform: none } }
@keyframes done { 0%%, 46%% { opacity: 0 } 48%%, 100%% { opacity: 1 } }
@media (prefers-reduced-motion: reduce) { .type, .seen, .answer, .done { animation: none } }
</style>
<rect class="page" x="0.5" y="0.5" width="819" height="%[10]d" rx="8"/>
<text class="title" x="24" y="40">%[4]s <tspan class="soft" font-weight="400">#1</tspan></text>
<rect class="label" x="24.5" y="53.5" width="112" height="22" rx="11"/><text class="labeltext" x="80" y="69" text-anchor="middle">%[5]s</text>
<circle class="avatar" cx="46" cy="112" r="18"/><text class="letter" x="46" y="117">%[6]s</text>
<rect class="card" x="76.5" y="92.5" width="719" height="106" rx="6"/><path class="head" d="M77 121V98a5 5 0 0 1 5-5h708a5 5 0 0 1 5 5v23z"/>
<text x="96" y="112" class="strong">%[1]s <tspan class="soft" font-weight="400">maintainer of the team platform</tspan></text>
<text class="comment" x="96" y="147">%[2]s</text>
<rect class="cover type" x="90" y="130" width="610" height="26"/>
<g class="seen"><rect class="chip" x="96.5" y="164.5" width="46" height="24" rx="12"/><text class="emoji" x="105" y="181">👀 1</text></g>
<g class="done"><rect class="chip" x="96.5" y="164.5" width="46" height="24" rx="12"/><text class="emoji" x="105" y="181">🚀 1</text></g>
<g class="answer">
<circle class="bot" cx="46" cy="228" r="18"/><text class="letter" x="46" y="233">R</text>
<rect class="card" x="76.5" y="208.5" width="719" height="%[11]d" rx="6"/><path class="head" d="M77 237v-23a5 5 0 0 1 5-5h708a5 5 0 0 1 5 5v23z"/>
<text x="96" y="228" class="strong">%[8]s <tspan class="soft" font-weight="400">bot</tspan></text>
%[7]s</g>
</svg>
`, escape(s.who), escape(s.comment), escape(s.text()), escape(s.title), escape(s.label), escape(strings.ToUpper(s.who[:1])), reply.String(), escape(strings.TrimSuffix(s.bot, "[bot]")),
		330+more, 329+more, 104+more)
}

// text is what the reply says, without its style.
func (s scene) text() string {
	var lines []string
	for _, l := range s.reply {
		lines = append(lines, l.text())
	}
	return strings.Join(lines, " ")
}

// block reports whether the line is one of code, on its own.
func (l line) block() bool { return len(l) > 0 && l[0].element == "pre" }

func (l line) text() (text string) {
	for _, p := range l {
		text += p.text
	}
	return text
}

func (l line) svg() string {
	if n := len([]rune(l.text())); n > longest {
		panic(fmt.Sprintf("a line of %d characters does not fit into the picture; it has room for %d", n, longest))
	}
	var b strings.Builder
	for _, p := range l {
		if p.element == "" || p.element == "pre" {
			b.WriteString(escape(p.text))
			continue
		}
		fmt.Fprintf(&b, `<tspan class="%s">%s</tspan>`, p.element, escape(p.text))
	}
	return b.String()
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes all
	return b.String()
}
