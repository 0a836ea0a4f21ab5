package secret

import "strings"

const (
	// A real token has 36 letters and digits or more after its prefix. From this
	// length on it is masked even if it is glued to a word, as in "tokenghp_…".
	longBody = 20
	// At the start of a word less is enough, for tokens that were cut off.
	shortBody = 4
	// jwtPart is the least length of a JWT's header and of its payload.
	jwtPart = 10

	jwtStart  = `eyJ`            // base64 of {"
	pemBegin  = "-----BEGIN"     // also if spaces after it are written + or %20
	pemEnd    = "-----END"       //
	pemDashes = "-----"          //
	pemBase64 = "LS0tLS1CRUdJTi" // base64 of -----BEGIN
	maxHeader = 64               // bytes between pemBegin and the dashes that follow
)

// MaskTokens replaces everything in text that looks like a credential of GitHub: a
// token (ghp_, gho_, ghu_, ghs_, ghr_, github_pat_), a JWT, and a key in PEM or in
// base64 of PEM. A masked token keeps its prefix, which says what it was:
//
//	MaskTokens("use ghp_16C7e42F292c6912E7710c838347Ae178B4a") == "use ghp_[secret]"
//
// If a key has no end, the rest of text is masked. Masking a masked text changes
// nothing. The time it takes is linear in the length of text.
func MaskTokens(text string) string {
	if !mayHoldToken(text) {
		return text
	}
	var b strings.Builder
	for text != "" {
		start, end := nextToken(text)
		b.WriteString(text[:start])
		if start == len(text) {
			break
		}
		b.WriteString(Mask)
		text = text[end:]
	}
	return b.String()
}

// mayHoldToken is quick, and right whenever it says no.
func mayHoldToken(text string) bool {
	return strings.Contains(text, "gh") && strings.Contains(text, "_") || strings.Contains(text, "github_pat_") ||
		strings.Contains(text, jwtStart) || strings.Contains(text, pemBegin) || strings.Contains(text, pemBase64)
}

// nextToken returns the range of the first secret in text. If there is none, both ends
// are len(text). The prefix of a token is not in the range.
func nextToken(text string) (start, end int) {
	for i := 0; i < len(text); {
		if strings.HasPrefix(text[i:], pemBegin) {
			if length := pemLength(text[i:]); length > 0 {
				return i, i + length
			}
		}
		if !inToken(text[i]) {
			i++
			continue
		}
		run := text[i : i+runLength(text[i:])]
		if at, length := tokenIn(run); at >= 0 {
			if length == 0 { // base64 of PEM, which has letters that tokens do not have
				length = base64Length(text[i+at:])
			}
			return i + at, i + at + length
		}
		i += len(run)
	}
	return len(text), len(text)
}

// tokenIn finds the first secret in run, which has only letters that a token may have.
// At is negative if there is none. Length is 0 if the secret may go on after run.
func tokenIn(run string) (at, length int) {
	key := strings.Index(run, pemBase64)
	at = key
	found := func(start, end int) {
		if start >= 0 && (at < 0 || start < at) {
			at, length = start, end-start
		}
	}
	end := len(strings.TrimRight(run, ".-")) // a full stop is not the token's
	found(prefixed(run[:end]), end)
	found(jwt(run), end)
	if key >= 0 {
		length = 0
	}
	return at, length
}

// prefixed returns where the body of the first token with a prefix begins, or -1.
func prefixed(run string) int {
	for from := 0; ; {
		under := strings.IndexByte(run[from:], '_')
		if under < 0 {
			return -1
		}
		body := from + under + 1
		prefix := tokenPrefix(run[:body])
		rest := len(run) - body
		atStart := body == prefix || !inWord(run[body-prefix-1])
		if prefix > 0 && (rest >= longBody || rest >= shortBody && atStart) {
			return body
		}
		from = body
	}
}

// tokenPrefix returns the length of the prefix that text ends with, or 0.
func tokenPrefix(text string) int {
	for _, prefix := range [...]string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"} {
		if strings.HasSuffix(text, prefix) {
			return len(prefix)
		}
	}
	return 0
}

// jwt returns where the first JWT in run begins, or -1. Its parts are joined by dots.
func jwt(run string) int {
	for from := 0; ; {
		length := strings.IndexByte(run[from:], '.')
		if length < 0 {
			return -1
		}
		dot := from + length
		payload, _, _ := strings.Cut(run[dot+1:], ".")
		if start := strings.Index(run[from:dot], jwtStart); start >= 0 && length-start >= jwtPart && len(payload) >= jwtPart {
			return from + start
		}
		from = dot + 1
	}
}

// pemLength returns the length of the key that text begins with, or 0 if it is something
// else in PEM, such as a certificate or an encrypted file.
func pemLength(text string) int {
	header := text[len(pemBegin):min(len(text), len(pemBegin)+maxHeader)]
	header, _, closed := strings.Cut(header, pemDashes)
	if !closed || !strings.Contains(header, "KEY") || strings.Trim(header, headerLetters) != "" {
		return 0
	}
	end := strings.Index(text, pemEnd)
	if end < 0 {
		return len(text)
	}
	end += len(pemEnd)
	footer := text[end:min(len(text), end+maxHeader)]
	if dashes := strings.Index(footer, pemDashes); dashes >= 0 {
		end += dashes + len(pemDashes)
	}
	return end
}

// headerLetters are what the name of a key consists of, also if it is URL-encoded.
const headerLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 +%"

// base64Length returns how much of text is base64, in one line or several.
func base64Length(text string) int {
	return len(text) - len(strings.TrimLeft(text, base64Letters))
}

const base64Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\r\n"

// runLength returns how many letters of text may be of one token. It stops before a key
// that is glued to it.
func runLength(text string) int {
	for i := range len(text) {
		if !inToken(text[i]) || i > 0 && strings.HasPrefix(text[i:], pemBegin) {
			return i
		}
	}
	return len(text)
}

// inToken reports whether c may be part of a token or of a JWT.
func inToken(c byte) bool { return inWord(c) || c == '-' || c == '.' }

func inWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}
