package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/server"
)

// replaySample sends, or prints, the webhook of a comment that asks for help. GitHub is asked
// for the ids of the installation and the admin repository, without which the server would
// ignore it.
func (p *program) replaySample(ctx context.Context, r replay) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	var payload []byte
	err = p.asOperator(ctx, c.Organizations()[0].Org, func(operator *server.Operator, org *dispatch.Org) error {
		at := operator.Config.Organizations()[0].Chatops
		if at.AdminRepo == "" {
			return errors.New("chatops.adminRepo: is empty, so that the server takes no comments; set it, or replay a file")
		}
		repo, err := org.GitHub.AdminRepository(ctx)
		if err != nil {
			return fmt.Errorf("find the admin repository: %s (`actions-runner-manager doctor` shows what is missing)", sentence(err))
		}
		payload, err = json.MarshalIndent(sampleComment(org, repo.ID, at.AdminRepo, "/"+at.Trigger+" help"), "", "  ")
		return err
	})
	if err != nil {
		return err
	}
	return p.replay(ctx, "the sample", payload, r)
}

// sampleComment returns the payload of a new comment, with what the server reads of it. Its
// author is ghost, GitHub's name for people who have left.
// https://docs.github.com/webhooks/webhook-events-and-payloads#issue_comment
func sampleComment(org *dispatch.Org, repo int64, name, body string) any {
	type object map[string]any
	const ghost = 10137
	author := object{"id": ghost, "login": "ghost", "type": "User"}
	owner := object{"id": org.GitHub.ID(), "login": org.Name(), "type": "Organization"}
	now := time.Now().UTC()
	return object{
		"action": "created",
		"issue":  object{"number": 1, "body": "", "user": author, "labels": []object{}},
		"comment": object{
			"id": now.UnixMilli(), "body": body, "user": author, "created_at": now.Format(time.RFC3339), "performed_via_github_app": nil,
		},
		"repository":   object{"id": repo, "name": name, "full_name": org.Name() + "/" + name, "owner": owner},
		"organization": owner,
		"sender":       author,
		"installation": object{"id": org.GitHub.InstallationID()},
	}
}
