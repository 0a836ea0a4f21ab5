package main

import (
	"crypto/rand"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
)

// operatorLogin is who the operator is in the record and the audit.
const operatorLogin = "operator"

// operatorRequest is a call of a command by the operator; args are names and values
// by turns, and empty values are left out.
func operatorRequest(command, org string, args ...string) commands.Request {
	req := commands.Request{
		ID: "operator-" + rand.Text(), Door: commands.Operator, Command: command, Org: org,
		Caller: commands.Principal{Login: operatorLogin},
	}
	for i := 0; i+1 < len(args); i += 2 {
		if args[i+1] != "" {
			req.Args.Add(args[i], args[i+1])
		}
	}
	return req
}
