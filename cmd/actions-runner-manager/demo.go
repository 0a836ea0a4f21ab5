package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	_ "embed"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/comment"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/signin"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim/web"
	"github.com/actions-runner-manager/actions-runner-manager/server"
)

//go:embed demo.yml
var demoScenario []byte

// Where the demo listens if nothing else does.
const (
	demoPort       = 8080
	demoGitHubPort = 8081
)

// How much the heap grows before the garbage collector runs, half as much as usual (runtime: GOGC).
const demoGCPercent = 50

// The demo looks at the runner groups more often than a server does, so that one need not wait.
const (
	demoPoll    = 5 * time.Second
	demoOffline = 30 * time.Second
)

// A demo is a simulated GitHub and the server against it, in one process.
type demo struct {
	program    *program
	scenario   string
	address    string
	port       portFlag // -1: demoPort, or a free one
	githubPort portFlag
	verbose    bool
	setup      bool    // begin without an App
	speed      float64 // of what happens by itself; 0: nothing does

	sim    *ghsim.Server
	simURL string
	cast   cast
}

func (p *program) demoCommand() *cobra.Command {
	d := &demo{program: p, port: -1, githubPort: -1}
	c := &cobra.Command{
		Use: "demo", Short: "Try everything on a simulated GitHub, with nothing to configure", Args: noArgs,
		Long: `Runs a simulated GitHub and the server against it, in one process, and prints what
to try. Everything is forgotten at the end. The configuration is not read.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return d.run(cmd.Context()) },
	}
	flags := c.Flags()
	flags.StringVar(&d.scenario, "scenario", "", "the `FILE` that says what the simulated GitHub holds, instead of the built-in scenario")
	flags.StringVar(&d.address, "address", "127.0.0.1", "the address to listen on")
	flags.Var(&d.port, "port", fmt.Sprintf("the server's port; 0 is a free one (default %d, or a free one)", demoPort))
	flags.Var(&d.githubPort, "github-port", fmt.Sprintf("the simulated GitHub's port; 0 is a free one (default %d, or a free one)", demoGitHubPort))
	for _, name := range []string{"port", "github-port"} {
		flags.Lookup(name).DefValue = "" // the usage says it
	}
	flags.Float64Var(&d.speed, "speed", 1, "how many times as fast as the clock the simulated runners take jobs, go offline and get old; 0: they do not")
	flags.BoolVar(&d.verbose, "verbose", false, "show the server's log")
	c.AddCommand(p.decryptCommand())
	c.SuggestionsMinimumDistance = 2
	flags.BoolVar(&d.setup, "setup", false, "begin without a GitHub App, which /setup then makes, as on a new server")
	return c
}

func (d *demo) run(ctx context.Context) error {
	if d.speed < 0 {
		return usageError{fmt.Sprintf("--speed: must be 0 or more, not %g", d.speed)}
	}
	dir, err := os.MkdirTemp("", demoFolder)
	if err != nil {
		return fmt.Errorf("make a folder for the demo's database: %w", err)
	}
	// Under load the collector comes late, and the demo is to run in little memory on any laptop.
	defer debug.SetGCPercent(debug.SetGCPercent(demoGCPercent))
	defer func() { _ = os.RemoveAll(dir) }() // what is left is in the folder for such things
	if err := d.stage(); err != nil {
		return err
	}
	if err := d.giveKey(dir); err != nil {
		return err
	}
	stop, err := d.serveGitHub(ctx)
	if err != nil {
		return err
	}
	defer stop()

	opts, err := d.options(d.config(ctx, dir), filepath.Join(dir, "config.yml"))
	if err != nil {
		return err
	}
	opts.Listening = func(url string) {
		if !d.setup { // else the manifest says where webhooks and sign-ins go
			d.sim.SetHookURL(url + comment.WebhookPath)
			d.sim.SetCallbackURLs(url + signin.CallbackPath)
		}
		if err := d.cast.guide(d.program.stdout, d.simURL, url); err != nil {
			fmt.Fprintln(d.program.stderr, err)
		}
		// The start is what needs the most memory; the demo is to idle in little.
		debug.FreeOSMemory()
		if d.program.listening != nil {
			d.program.listening(url)
		}
	}
	if !d.setup { // else an owner does it, in a comment
		if err := d.giveGroups(ctx, opts); err != nil {
			return err
		}
	}
	d.live(ctx)
	s, err := server.New(ctx, opts)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("--port: another program listens on %s; name another port, or 0 for a free one", opts.Config.Server.ListenAddress())
	}
	if err != nil {
		return err
	}
	return s.Run(ctx)
}

// giveKey gives the maintainer an SSH key, to which the answers that are secret are
// encrypted, and leaves its private half in dir.
func (d *demo) giveKey(dir string) error {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return fmt.Errorf("make an SSH key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, "demo")
	if err != nil {
		return fmt.Errorf("write an SSH key: %w", err)
	}
	shown, err := ssh.NewPublicKey(public)
	if err != nil {
		return fmt.Errorf("write an SSH key: %w", err)
	}
	given := false
	d.sim.Update(func(st *ghsim.State) {
		for _, u := range st.Users {
			if u.Login == d.cast.Maintainer.Login && len(u.Keys) == 0 {
				given = true
				u.Keys = append(u.Keys, ghsim.Key{ID: 1, Key: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(shown)))})
			}
		}
	})
	if !given { // the scenario's own keys are used
		return nil
	}
	path := filepath.Join(dir, demoKey)
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		return fmt.Errorf("write an SSH key: %w", err)
	}
	d.cast.Identity = path
	return nil
}

// stage fills the simulated GitHub.
func (d *demo) stage() error {
	text := demoScenario
	if d.scenario != "" {
		var err error
		if text, err = os.ReadFile(d.scenario); err != nil {
			return fmt.Errorf("--scenario: %w", err)
		}
	}
	scenario, err := ghsim.LoadScenario(text)
	if d.setup {
		scenario.Apps = nil
	}
	if err == nil {
		d.sim, err = ghsim.New(scenario)
	}
	if err == nil {
		web.Attach(d.sim)
		d.cast, err = castOf(d.sim, d.setup)
	}
	if err != nil && d.scenario != "" {
		err = fmt.Errorf("--scenario: %s: %w; docs/scenario.md has the format", d.scenario, err)
	}
	return err
}

// serveGitHub makes the simulated GitHub reachable, until stop is called.
func (d *demo) serveGitHub(ctx context.Context) (stop func(), err error) {
	var l net.ListenConfig
	listener, err := l.Listen(ctx, "tcp", net.JoinHostPort(d.address, strconv.Itoa(d.portOf(ctx, d.githubPort, demoGitHubPort))))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("--github-port: another program listens on %s; name another port, or 0 for a free one",
			net.JoinHostPort(d.address, d.githubPort.String()))
	}
	if err != nil {
		return nil, fmt.Errorf("--github-port: the simulated GitHub cannot listen: %w", err)
	}
	tcp, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return nil, errors.New("the simulated GitHub does not listen on TCP")
	}
	d.simURL = config.Server{Address: d.address}.BaseURL(tcp.Port)
	d.sim.URL = d.simURL
	web := &http.Server{Handler: d.sim, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = web.Serve(listener) }() // ends when stop closes it
	//nolint:contextcheck // it ends what outlives ctx
	stop = func() {
		d.sim.Close()
		_ = web.Close() // nobody's work is lost
	}
	return stop, nil
}

// live lets happen what happens by itself, until ctx ends, so that those who watch a page see
// it.
func (d *demo) live(ctx context.Context) {
	d.sim.SetSpeed(d.speed)
	go func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				d.sim.Live()
			}
		}
	}()
}

// portOf returns the port that was given, the usual one if it is free, or 0.
func (d *demo) portOf(ctx context.Context, given portFlag, usual int) int {
	if given >= 0 {
		return int(given)
	}
	var l net.ListenConfig
	listener, err := l.Listen(ctx, "tcp", net.JoinHostPort(d.address, strconv.Itoa(usual)))
	if err != nil {
		return 0
	}
	listener.Close()
	return usual
}

// config is the server's configuration, except for its App, and with its database in dir.
func (d *demo) config(ctx context.Context, dir string) *config.Config {
	c := config.Defaults()
	c.Org = d.cast.org
	c.GitHub.URL = d.simURL
	c.Chatops.AdminRepo = d.cast.adminRepo
	c.Server.Address = d.address
	c.Server.Port = d.portOf(ctx, d.port, demoPort)
	c.Database.URL = config.NewDatabaseURL("sqlite:" + filepath.Join(dir, "demo.db"))
	c.Fleet.PollInterval = demoPoll
	c.Alerts.Issues = true
	c.Alerts.OfflineAfter = demoOffline
	if d.hasPast() {
		c.Policy.Approval = []string{demoApproval}
	}
	c.Logging.Level = "error"
	if d.verbose {
		c.Logging.Level = "info"
	}
	return &c
}

// options returns what the server gets. Its configuration is in a file, as an operator's is:
// set-up completes it, and the operator's subcommands read it.
func (d *demo) options(c *config.Config, path string) (server.Options, error) {
	text := fmt.Sprintf("# The demo's configuration, until it ends.\norg: %q\ngithub:\n  url: %q\nchatops:\n  adminRepo: %q\n"+
		"server:\n  address: %q\n  port: %d\ndatabase:\n  url: %q\n"+
		"fleet:\n  pollInterval: %s\nalerts:\n  issues: %t\n  offlineAfter: %s\npolicy:\n  approval: [%s]\nlogging:\n  level: %q\n",
		c.Org, c.GitHub.URL, c.Chatops.AdminRepo, c.Server.Address, c.Server.Port, c.Database.URL.Reveal(),
		c.Fleet.PollInterval, c.Alerts.Issues, c.Alerts.OfflineAfter, strings.Join(c.Policy.Approval, ", "), c.Logging.Level)
	if !d.setup {
		text = strings.Replace(text, "chatops:", fmt.Sprintf("  webhookSecret: %q\nchatops:", d.cast.webhookSecret), 1) +
			fmt.Sprintf("appID: %d\nclientID: %q\nclientSecret: %q\nprivateKey: %q\n", d.cast.appID, d.cast.clientID, d.cast.clientSecret, d.cast.privateKey)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return server.Options{}, fmt.Errorf("write the demo's configuration: %w", err)
	}
	load := func() (*config.Config, error) { return config.Load(path, nil) }
	read, err := load()
	if err != nil {
		return server.Options{}, fmt.Errorf("read the demo's configuration: %w", err)
	}
	opts := d.program.options(read)
	opts.ConfigPath, opts.Reload, opts.Log = path, load, d.program.stderr
	opts.SetupLink = func(link string) { d.cast.SetupLink = link }
	d.cast.Config, d.cast.program = path, or(d.program.name, "actions-runner-manager")
	return opts, nil
}

// hasPast reports whether the demo begins with what happened in the month before.
func (d *demo) hasPast() bool { return d.scenario == "" && !d.setup }

// giveGroups makes the groups that are named like a team that team's own, as an operator
// would: in the past, if the demo has one, and then all else of it happens.
func (d *demo) giveGroups(ctx context.Context, opts server.Options) (err error) {
	var p *past
	if d.hasPast() {
		p = d.newPast()
		opts.Clock = p.clock
	}
	operator, closeOperator, err := server.OpenOperator(ctx, opts.Config, opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeOperator()) }()
	for _, team := range d.cast.owners {
		if _, err := operator.Dispatch(ctx, operatorRequest("group-adopt", d.cast.org, "team", team)); err != nil {
			return fmt.Errorf("give the team %s its runner group: %s", team, sentence(err))
		}
	}
	if p == nil {
		return nil
	}
	p.Operator, p.org = operator, operator.Orgs[0]
	return p.happen(ctx)
}

// randomToken is a token for people of a scenario that have none.
func randomToken() string { return "ghp_" + rand.Text() }
