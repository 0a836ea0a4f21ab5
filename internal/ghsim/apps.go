package ghsim

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func appRoutes() []route {
	const inst = "/app/installations/{installation_id}"
	return []route{
		{http.MethodGet, "/app", "app", func(c *call) answer { return ok(c.appItself()) }},
		{http.MethodPost, "/app-manifests/{code}/conversions", "anyone", (*call).convertManifest},
		{http.MethodGet, "/app/hook/config", "app", func(c *call) answer { return ok(hookConfig(c.who.app)) }},
		{http.MethodPatch, "/app/hook/config", "app", (*call).updateHookConfig},
		{http.MethodGet, "/app/hook/deliveries", "app", (*call).listDeliveries},
		{http.MethodGet, "/app/hook/deliveries/{delivery_id}", "app", onDelivery((*call).getDelivery)},
		{http.MethodPost, "/app/hook/deliveries/{delivery_id}/attempts", "app", onDelivery((*call).redeliver)},
		{http.MethodGet, "/app/installations", "app", func(c *call) answer { return list(c, c.who.app.Installations, c.installation) }},
		{http.MethodGet, inst, "app", onInstallation(func(c *call, i *Installation) answer { return ok(c.installation(i)) })},
		{http.MethodDelete, inst, "app", onInstallation((*call).uninstall)},
		{http.MethodPost, inst + "/access_tokens", "app", onInstallation((*call).mintToken)},
		{http.MethodPut, inst + "/suspended", "app", onInstallation((*call).suspend)},
		{http.MethodDelete, inst + "/suspended", "app", onInstallation((*call).unsuspend)},
		{http.MethodGet, "/installation/repositories", "installation", (*call).listInstallationRepos},
	}
}

func onInstallation(handle func(*call, *Installation) answer) func(*call) answer {
	return func(c *call) answer {
		id := c.id("installation_id")
		if i := find(c.who.app.Installations, func(i *Installation) bool { return i.ID == id }); i != nil {
			return handle(c, i)
		}
		return notFound("/apps/apps#get-an-installation-for-the-authenticated-app")
	}
}

func (c *call) appItself() obj {
	o := c.integration(c.who.app)
	o["installations_count"] = len(c.who.app.Installations)
	return o
}

func (c *call) uninstall(i *Installation) answer {
	c.s.uninstall(i)
	return noContent()
}

func (c *call) suspend(i *Installation) answer {
	i.SuspendedAt = c.s.now()
	c.s.installationEvent("suspend", i)
	return noContent()
}

func (c *call) unsuspend(i *Installation) answer {
	i.SuspendedAt = time.Time{}
	c.s.installationEvent("unsuspend", i)
	return noContent()
}

// mintToken makes an installation token, narrowed as the body asks.
// https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app
func (c *call) mintToken(i *Installation) answer {
	var in struct {
		Permissions map[string]string `json:"permissions"`
		Repos       []string          `json:"repositories"`
		RepoIDs     []int64           `json:"repository_ids"`
	}
	if a := c.read(&in); a != nil {
		return *a
	}
	if !i.SuspendedAt.IsZero() {
		return forbidden("This installation has been suspended")
	}
	granted := maps.Clone(i.Permissions)
	if len(in.Permissions) > 0 {
		for name, level := range in.Permissions {
			if !slices.Contains(levels()[1:], level) || !atLeast(i.Permissions[name], level) {
				return unprocessable("The permissions requested are not granted to this installation.")
			}
		}
		granted = maps.Clone(in.Permissions)
		if i.Permissions["metadata"] != "" {
			granted["metadata"] = "read"
		}
	}
	var repos []*Repo
	for _, name := range in.Repos {
		repos = append(repos, i.Org.Repo(name))
	}
	for _, id := range in.RepoIDs {
		repos = append(repos, find(i.Org.Repos, func(r *Repo) bool { return r.ID == id }))
	}
	var ids []int64
	for _, r := range repos {
		if r == nil || i.Repos != nil && !slices.Contains(i.Repos, r.ID) {
			return unprocessable("There is at least one repository that does not exist or is not accessible to the parent installation.")
		}
		ids = append(ids, r.ID)
	}
	t := c.s.mint(i, granted, ids)
	o := obj{"token": t.value, "expires_at": stamp(t.expires), "permissions": granted, "repository_selection": "all"}
	if ids != nil || i.Repos != nil {
		o["repository_selection"] = "selected"
	}
	if ids != nil {
		o["repositories"] = each(repos, func(r *Repo) any { return c.fullRepo(r) })
	}
	return created(o)
}

func (c *call) listInstallationRepos() answer {
	if c.who.inst == nil {
		return forbidden("You must authenticate with an installation access token in order to list repositories for an installation.")
	}
	return counted(c, "repositories", filter(c.who.inst.Org.Repos, c.who.reaches), func(r *Repo) any { return c.fullRepo(r) })
}

func hookConfig(a *App) obj {
	o := obj{"content_type": "json", "insecure_ssl": "0", "url": a.HookURL}
	if a.WebhookSecret != "" {
		o["secret"] = "********"
	}
	return o
}

func (c *call) updateHookConfig() answer {
	var in struct {
		URL    *string `json:"url"`
		Secret *string `json:"secret"`
	}
	if a := c.read(&in); a != nil {
		return *a
	}
	set(&c.who.app.HookURL, in.URL)
	set(&c.who.app.WebhookSecret, in.Secret)
	c.s.secret(c.who.app.WebhookSecret)
	return ok(hookConfig(c.who.app))
}

// retention is how long deliveries can be seen and redelivered: three days on
// github.com, seven on an Enterprise Server.
func (c *call) retention() time.Duration {
	if c.prefix != "" {
		return 7 * 24 * time.Hour
	}
	return 3 * 24 * time.Hour
}

// kept reports whether GitHub still shows the delivery to the App.
func (c *call) kept(d *Delivery) bool {
	return d.App == c.who.app && d.Done && c.s.now().Sub(d.DeliveredAt) < c.retention()
}

func onDelivery(handle func(*call, *Delivery) answer) func(*call) answer {
	return func(c *call) answer {
		id := c.id("delivery_id")
		if d := find(c.st.Deliveries, func(d *Delivery) bool { return d.ID == id && c.kept(d) }); d != nil {
			return handle(c, d)
		}
		return notFound("/apps/webhooks#get-a-delivery-for-an-app-webhook")
	}
}

// listDeliveries gives the newest first, by cursor instead of page.
func (c *call) listDeliveries() answer {
	q := c.r.URL.Query()
	status := q.Get("status")
	if status != "" && status != "success" && status != "failure" {
		return invalid("HookDelivery", "status", "invalid", "")
	}
	from := int64(1) << 62
	if cursor := q.Get("cursor"); cursor != "" {
		id, err := strconv.ParseInt(strings.TrimPrefix(cursor, "v1_"), 10, 64)
		if err != nil {
			return failure(http.StatusBadRequest, "Bad Request - Invalid cursor", docs+"/apps/webhooks")
		}
		from = id
	}
	size := min(100, max(1, number(q.Get("per_page"), 30)))
	var found []*Delivery
	for _, d := range slices.Backward(c.st.Deliveries) {
		if d.ID <= from && c.kept(d) && (status == "" || (status == "success") == d.ok()) {
			found = append(found, d)
		}
	}
	page := found[:min(size, len(found))]
	a := ok(each(page, func(d *Delivery) any { return deliveryItem(d) }))
	if len(found) > size {
		q.Set("cursor", "v1_"+itoa(found[size].ID))
		a.set("Link", "<"+c.api("/app/hook/deliveries")+"?"+q.Encode()+`>; rel="next"`)
	}
	return a
}

func deliveryItem(d *Delivery) obj {
	o := obj{
		"id": d.ID, "guid": d.GUID, "delivered_at": stamp(d.DeliveredAt), "redelivery": d.Redelivery, "duration": d.Duration.Seconds(), "status": d.Status,
		"status_code": d.StatusCode, "event": d.Event, "action": nil, "installation_id": nil, "repository_id": nil, "throttled_at": nil,
	}
	if d.Action != "" {
		o["action"] = d.Action
	}
	if d.InstallationID != 0 {
		o["installation_id"] = d.InstallationID
	}
	if d.RepositoryID != 0 {
		o["repository_id"] = d.RepositoryID
	}
	return o
}

func (c *call) getDelivery(d *Delivery) answer {
	o := deliveryItem(d)
	o["url"] = d.App.HookURL
	o["request"] = obj{"headers": d.RequestHeader, "payload": jsonObject(d.Payload)}
	o["response"] = obj{"headers": d.ResponseHeader, "payload": d.ResponseBody}
	return ok(o)
}

func (c *call) redeliver(d *Delivery) answer {
	again := &Delivery{GUID: d.GUID, App: d.App, Event: d.Event, Action: d.Action, InstallationID: d.InstallationID, RepositoryID: d.RepositoryID, Redelivery: true, Payload: d.Payload}
	c.s.send(again, DeliverOptions{})
	return answer{status: http.StatusAccepted, body: obj{}}
}
