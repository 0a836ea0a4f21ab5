package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/server"
)

// operatorLogin is who the operator is in the record and the audit.
const operatorLogin = "operator"

// operatorRequest is a call of a command by the operator; args are names and values
// by turns, and empty values are left out.
func operatorRequest(command, org string, args ...string) dispatch.Request {
	req := dispatch.Request{
		ID: "operator-" + rand.Text(), Channel: dispatch.CLI, Command: command, Org: org,
		Caller: dispatch.Principal{Login: operatorLogin},
	}
	for i := 0; i+1 < len(args); i += 2 {
		if args[i+1] != "" {
			req.Args.Add(args[i], args[i+1])
		}
	}
	return req
}

// asOperator opens the record and GitHub, beside a server that may run, and does work
// for the organization of that login; empty means the only one.
func (p *program) asOperator(ctx context.Context, login string, work func(*server.Operator, *dispatch.Org) error) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	if c.SetupMode() {
		return errors.New("no GitHub App is configured yet: set appID and privateKey, or run the server and open the /setup link that its log shows")
	}
	opts := p.options(c)
	opts.Log = p.stderr
	operator, closeOperator, err := server.OpenOperator(ctx, c, opts)
	if err != nil {
		return err
	}
	p.warnNew(operator.Store, c)
	org, err := orgOf(operator, login)
	if err == nil {
		err = work(operator, org)
	}
	if err == nil {
		err = server.RememberOrg(ctx, operator.Store, org) // by its id fleet finds its groups
	}
	return errors.Join(err, closeOperator())
}

func orgOf(operator *server.Operator, login string) (*dispatch.Org, error) {
	all := strings.Join(operator.Logins(), ", ")
	if login == "" {
		if len(operator.Orgs) == 1 {
			return operator.Orgs[0], nil
		}
		return nil, usageError{"--org is missing: the server serves several organizations: " + all}
	}
	org, ok := operator.Org(login)
	if !ok {
		return nil, fmt.Errorf("--org: the server does not serve %q; it serves %s", login, all)
	}
	return org, nil
}
