package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"github.com/spf13/cobra"
)

const (
	demoFolder = "actions-runner-manager-demo-" // begins the name of a demo's folder
	demoKey    = "id_ed25519"                   // the maintainer's private SSH key in it
	// maxArmored is more than any answer holds, in bytes.
	maxArmored = 1 << 20
)

func (p *program) decryptCommand() *cobra.Command {
	return &cobra.Command{
		Use: "decrypt", Short: "Decrypt a reply of the running demo", Args: noArgs,
		Long: `Reads an encrypted reply from standard input, to the line END AGE ENCRYPTED FILE,
and prints what it holds. It uses the SSH key that the running demo has made for its
maintainer, so age need not be installed. Lines around the encrypted text are ignored.`,
		RunE: func(*cobra.Command, []string) error { return p.decrypt() },
	}
}

func (p *program) decrypt() error {
	keys, err := demoKeys()
	if err != nil {
		return err
	}
	text, err := armored(p.stdin)
	if err != nil {
		return err
	}
	plain, err := age.Decrypt(armor.NewReader(strings.NewReader(text)), keys...)
	var wrong *age.NoIdentityMatchError
	if errors.As(err, &wrong) {
		return errors.New("this reply is not encrypted to the running demo's key: write the command to this demo, as its maintainer")
	}
	if err != nil {
		return fmt.Errorf("decrypt the text from %s to %s: %w; copy it whole", armor.Header, armor.Footer, err)
	}
	secret, err := io.ReadAll(io.LimitReader(plain, maxArmored))
	if err != nil {
		return fmt.Errorf("decrypt the text: %w", err)
	}
	_, err = fmt.Fprintln(p.stdout, strings.TrimRight(string(secret), "\n"))
	return err
}

// demoKeys returns the keys of all demos that run on this machine.
func demoKeys() ([]age.Identity, error) {
	paths, err := filepath.Glob(filepath.Join(os.TempDir(), demoFolder+"*", demoKey))
	if err != nil {
		return nil, fmt.Errorf("find the demo's key: %w", err)
	}
	var keys []age.Identity
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // another user's demo
		}
		if key, err := agessh.ParseIdentity(text); err == nil {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("no demo of yours with a key runs on this machine; start one with: actions-runner-manager demo")
	}
	return keys, nil
}

// armored returns the first encrypted text in r. It stops reading where the text ends, so that
// one who pastes it need not end the input.
func armored(r io.Reader) (string, error) {
	var b strings.Builder
	lines := bufio.NewScanner(io.LimitReader(r, maxArmored))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if b.Len() == 0 && line != armor.Header {
			continue
		}
		b.WriteString(line + "\n")
		if line == armor.Footer {
			return b.String(), nil
		}
	}
	if err := lines.Err(); err != nil {
		return "", fmt.Errorf("read standard input: %w", err)
	}
	if b.Len() == 0 {
		return "", fmt.Errorf("standard input has no encrypted text: paste the lines from %s to %s", armor.Header, armor.Footer)
	}
	return "", fmt.Errorf("the encrypted text is not complete: its last line is %s", armor.Footer)
}
