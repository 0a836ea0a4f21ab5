package doctor

import (
	"context"
	"errors"
	"net/http"

	"golang.org/x/oauth2"

	"github.com/actions-runner-manager/actions-runner-manager/handlers/signin"
	"github.com/actions-runner-manager/actions-runner-manager/server/connect"
)

// checkConsole says whether people can sign in to the web pages, and what that needs. GitHub does
// not show an App's callback URLs to it.
func (d *doctor) checkConsole(ctx context.Context) {
	const name = "console"
	base := d.config.Server.PublicURL
	if base == "" {
		base = "https://HOST"
	}
	callback := "add " + base + signin.CallbackPath + " to the callback URLs in the App's settings"
	if !d.config.HasConsole() {
		missing := "clientID and clientSecret are not set"
		switch {
		case d.config.ClientID != "":
			missing = "clientSecret is not set"
		case !d.config.ClientSecret.Empty():
			missing = "clientID is not set"
		}
		d.add(Info, name, "the console is off, because "+missing, "To switch it on, "+callback+
			" and generate a client secret there. Then set clientID (ARM_CLIENT_ID) and clientSecret (ARM_CLIENT_SECRET), and restart the server.", d.appPage())
		return
	}
	refused, err := d.clientRefused(ctx)
	switch {
	case refused:
		d.advise(name, "the console is on at "+base+"/console, but nobody can sign in: GitHub refuses clientID and clientSecret",
			"Set clientID to the Client ID in the App's settings, generate a new client secret there and set clientSecret to it.", d.appPage())
	case err != nil:
		d.advise(name, "the console is on at "+base+"/console, but "+d.config.GitHub.URL+" was not reached to check the client secret: "+err.Error(),
			"Check that this machine can reach it (HTTPS_PROXY is honored).", "")
	default:
		d.pass(name, "the console is on at "+base+"/console; "+base+signin.CallbackPath+" must be among the callback URLs in the App's settings, which GitHub does not show")
	}
}

// clientRefused reports whether GitHub refuses the App's client id and secret. It is asked about
// a code that it did not give.
func (d *doctor) clientRefused(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	client, err := connect.Client(d.config)
	if err != nil {
		return false, err
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	app := oauth2.Config{ClientID: d.config.ClientID, ClientSecret: d.config.ClientSecret.Reveal(), Endpoint: signin.Endpoint(d.config.GitHub.URL)}
	_, err = app.Exchange(context.WithValue(ctx, oauth2.HTTPClient, client), "0")
	var answer *oauth2.RetrieveError
	switch {
	case errors.As(err, &answer) && answer.ErrorCode != "":
		return answer.ErrorCode == signin.BadClient, nil
	case errors.As(err, &answer):
		return false, errors.New("it answered " + answer.Response.Status)
	}
	return false, err
}
