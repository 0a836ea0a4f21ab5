package config

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMistakes(t *testing.T) {
	tests := []struct {
		name, file string
		want       []string
	}{
		{
			"everything at once",
			"org: acme\nappId: 1\nserver:\n  port: eighty\n  rateLimit: 0\n  port: 80\nlogging: {level: inof}\npolicy:\n  teams: {allow: ['a[']}\n  groups: ownd\n",
			[]string{
				"config.yml:2:1: appId: is not a key; did you mean appID?",
				"config.yml:4:3: server.port: must be a whole number",
				"config.yml:5:3: server.rateLimit: must be more than 0, and at most 1000000",
				"config.yml:6:3: server.port: is given twice: keep one of them",
				"config.yml:7:11: logging.level: must be one of debug, info, warn, error, fatal; did you mean info?",
				"config.yml:9:19: policy.teams.allow[0]: must be a glob over team slugs, such as * or platform-*; a [ needs its ]",
				"config.yml:10:3: policy.groups: must be one of owned, named; did you mean owned?",
			},
		},
		{"lines that end as on Windows", "# one\r\norg: acme\r\n# ümlaut\r\nserver:\r\n  port: x # two\r\n  prot: 1\r\n", []string{
			"config.yml:5:3: server.port: must be a whole number",
			"config.yml:6:3: server.prot: is not a key; did you mean port?",
		}},
		{"a key in the wrong section", "org: acme\nadminRepo: a\n", []string{"config.yml:2:1: adminRepo: is not a key; did you mean chatops.adminRepo?"}},
		{"other words for keys", "organization: acme\napp_id: 1\nprivateKeyPath: x\nlog: {logLevel: debug}\ndb:\n  url: x\nserver:\n  host: x\n  public-url: x\ndatabase:\n  dsn: x\nchatops:\n  repository: x\nadmin_repo: x\nurl: x\nsecretFile: x\n", []string{
			"config.yml:1:1: organization: is not a key; did you mean org?",
			"config.yml:2:1: app_id: is not a key; did you mean appID?",
			"config.yml:3:1: privateKeyPath: is not a key; did you mean privateKeyFile?",
			"config.yml:4:1: log: is not a key; did you mean logging?",
			"config.yml:5:1: db: is not a key; did you mean database?",
			"config.yml:8:3: server.host: is not a key; did you mean address?",
			"config.yml:9:3: server.public-url: is not a key; did you mean publicURL?",
			"config.yml:11:3: database.dsn: is not a key; did you mean url?",
			"config.yml:13:3: chatops.repository: is not a key; did you mean adminRepo?",
			"config.yml:14:1: admin_repo: is not a key; did you mean chatops.adminRepo?",
			"config.yml:15:1: url: is not a key; did you mean github.url?",
			"config.yml:16:1: secretFile: is not a key; did you mean github.webhookSecretFile?",
		}},
		{"other words in an entry", "orgs:\n  - organization: acme\n    chatops: {repo: x}\n", []string{
			"config.yml:2:5: orgs[0].organization: is not a key; did you mean org?",
			"config.yml:2:5: orgs[0].org: is missing",
			"config.yml:3:15: orgs[0].chatops.repo: is not a key; did you mean adminRepo?",
		}},
		{"a key like no other", "org: acme\nfrobnicate: 1\n", []string{"config.yml:2:1: frobnicate: is not a key"}},
		{"a key in an entry", "orgs:\n  - org: acme\n    appID: 1\n", []string{"config.yml:3:5: orgs[0].appID: is not a key; did you mean appID?"}},
		{"alias and name", "org: acme\nlogging:\n  compress: true\n  compression: true\n", []string{"config.yml:4:3: logging.compression: compress says the same already: keep one of them"}},
		{"a secret twice", "org: acme\ngithub:\n  webhookSecret: a\n  webhookSecretFile: b\n", []string{"config.yml:4:3: github.webhookSecretFile: webhookSecret says the same already: keep one of them"}},
		{"no mapping", "- org: acme\n", []string{"config.yml:1:1: must be a mapping of keys to values"}},
		{"a section that is text", "org: acme\nserver: 8080\n", []string{"config.yml:2:1: server: must be a mapping of keys to values"}},
		{"a value that is a mapping", "org: {name: acme}\n", []string{"config.yml:1:1: org: must be a single value"}},
		{"a value that is a list", "org: [acme]\n", []string{"config.yml:1:1: org: must be a single value, not a list"}},
		{"a list that is text", "org: acme\npolicy: {confirm: repos-set}\n", []string{"config.yml:2:10: policy.confirm: must be a list, such as [a, b]"}},
		{"a boolean for text", "org: true\n", []string{"config.yml:1:1: org: must be text: put true and false in quotes where they are meant as such"}},
		{"a number for a boolean", "org: acme\npolicy: {publicRepos: 3}\n", []string{"config.yml:2:10: policy.publicRepos: must be true or false"}},
		{"a duration without unit", "org: acme\nserver: {shutdownTimeout: 25}\n", []string{"config.yml:2:10: server.shutdownTimeout: must be a duration with its unit, such as 25s, 5m, 24h or 7d"}},
		{"an unknown alias", "org: *nobody\n", []string{"config.yml:1:1: org: refers to an anchor that does not exist"}},
		{"a merge key", "org: acme\nserver:\n  <<: {port: 1}\n", []string{"config.yml:3:3: server.<<: merging is not supported: write the keys out"}},
		{"two documents", "org: acme\n---\norg: globex\n", []string{"config.yml:3:1: a second YAML document begins here: put all keys into one"}},
		{"orgs that is no list", "orgs: {org: acme}\n", []string{"config.yml:1:1: orgs: must be a list of organizations, each with org"}},
		{
			"org and orgs, repeated and nameless", "org: acme\norgs:\n  - org: acme\n    installationID: 7\n  - org: ACME\n    installationID: 7\n  - installationID: -1\n",
			[]string{
				"config.yml:2:1: orgs: replaces org: keep one of them",
				"config.yml:5:5: orgs[1].org: is the organization of orgs[0], too",
				"config.yml:6:5: orgs[1].installationID: is the installation of orgs[0], too: each organization has its own",
				"config.yml:7:5: orgs[2].org: is missing",
				"config.yml:7:5: orgs[2].installationID: must be a positive number",
			},
		},
		{"installationID with orgs", "installationID: 1\norgs: [{org: acme}]\n", []string{"config.yml:1:1: installationID: belongs to org: give each entry of orgs its own, or none"}},
		{"a bad inherited value is reported once", "policy: {groupName: all}\norgs: [{org: acme}, {org: globex}]\n", []string{"config.yml:1:10: policy.groupName: must contain {team}, the placeholder for the team's slug, and no other braces: without it all teams would share one group"}},
		{"a bad own value", "orgs: [{org: acme, policy: {confirm: [Repos]}}]\n", []string{"config.yml:1:39: orgs[0].policy.confirm[0]: must be a command's name, such as group-delete"}},
		{"a trigger with its slash", "org: acme\nchatops: {trigger: /runners}\n", []string{"config.yml:2:11: chatops.trigger: must be the word behind the slash, such as runner-group: letters, digits and hyphens, at most 50"}},
		{"an empty trigger", "org: acme\nchatops: {trigger: ''}\n", []string{"config.yml:2:11: chatops.trigger: must be the word behind the slash, such as runner-group: letters, digits and hyphens, at most 50"}},
		{"another's admin repo", "org: acme\nchatops: {adminRepo: globex/admin}\n", []string{"config.yml:2:11: chatops.adminRepo: must be a repository of the organization that is served: give its bare name"}},
		{"a path as admin repo", "org: acme\nchatops: {adminRepo: ..}\n", []string{"config.yml:2:11: chatops.adminRepo: must be a repository's name: letters, digits, ., - and _"}},
		{"an organization with blanks", "org: acme inc\n", []string{"config.yml:1:1: org: must be an organization's name as in its address: letters, digits and hyphens"}},
		{"an App without its key", "org: acme\nappID: 1\n", []string{"config.yml: privateKey: is missing, though appID or clientID is given: set privateKey, privateKeyFile or ARM_PRIVATE_KEY"}},
		{"a key without its App", "org: acme\nprivateKey: '@KEY@'\n", []string{"config.yml: appID: is missing, though a private key is given: set appID or ARM_APP_ID, or clientID"}},
		{"an unreadable App id hides nothing", "org: acme\nappID: x\nprivateKey: '@KEY@'\n", []string{"config.yml:2:1: appID: must be a whole number"}},
		{"an App without organization", "appID: 1\nprivateKey: '@KEY@'\n", []string{"config.yml: org: is missing: set org (or ARM_ORG), or several in orgs"}},
		{"port and address", "org: acme\nserver: {port: 65536, address: '127.0.0.1:80'}\n", []string{
			"config.yml:2:10: server.port: must be between 0 and 65535",
			"config.yml:2:23: server.address: must be an IP address or a host's name, without a port, or empty for all interfaces",
		}},
		{"a number that never ends", "org: acme\nserver: {rateLimit: .inf}\n", []string{"config.yml:2:10: server.rateLimit: must be a number"}},
		{"lists of the server", "org: acme\nserver:\n  trustedProxies: [10.0.0.0/8, proxy]\n  oauthClients: ['a b']\n  metricsAddress: '9090'\n  unknownTokenRate: 0\n  shutdownTimeout: 0s\n", []string{
			"config.yml:3:32: server.trustedProxies[1]: must be an IP address or a network such as 10.0.0.0/8",
			"config.yml:4:18: server.oauthClients[0]: must be an OAuth app's client id",
			"config.yml:5:3: server.metricsAddress: must be an address with a port, such as :9090 or 127.0.0.1:9090",
			"config.yml:6:3: server.unknownTokenRate: must be at least 1",
			"config.yml:7:3: server.shutdownTimeout: must be more than 0s",
		}},
		{"addresses of GitHub", "org: acme\ngithub:\n  url: ftp://x\n  apiURL: https://u:p@x\n  caFile: gone.pem\n  webhookSecret: [a, '']\n", []string{
			"config.yml:3:3: github.url: must be a URL that starts with https:// or http://: give GitHub's own address, such as https://github.com; an API at another address is github.apiURL",
			"config.yml:4:3: github.apiURL: must not hold a user or password: give the address of GitHub's REST API, such as https://ghes.example.com/api/v3",
			"config.yml:5:3: github.caFile: the file gone.pem cannot be read: no such file or directory",
			"config.yml:6:22: github.webhookSecret[1]: is empty",
		}},
		{"the API as GitHub", "org: acme\ngithub: {url: 'https://api.github.com'}\n", []string{"config.yml:2:10: github.url: is the API's address: leave the key out, or give https://github.com"}},
		{"the API of a tenant as GitHub", "org: acme\ngithub: {url: 'https://api.octo.ghe.com'}\n", []string{"config.yml:2:10: github.url: is the API's address: give it without api., such as https://octo.ghe.com"}},
		{"an issuer that anybody may be", "org: acme\ngithub: {oidcIssuer: 'http://sts.example.com'}\npolicy: {workflows: {maxAge: 59s}}\n", []string{
			"config.yml:2:10: github.oidcIssuer: must be a URL that starts with https://, such as https://token.actions.githubusercontent.com/octo-enterprise",
			"config.yml:3:22: policy.workflows.maxAge: must be at least 1m",
		}},
		{"GraphQL as the API", "org: acme\ngithub: {apiURL: 'https://x/api/graphql/'}\n", []string{
			"config.yml:2:10: github.apiURL: is the address of GitHub's GraphQL API: give that of its REST API, such as https://ghes.example.com/api/v3",
		}},
		{"TLS without files", "org: acme\nserver:\n  tls: {enabled: true, keyFile: gone.pem}\n", []string{"config.yml: server.tls.certFile: is missing, though TLS is enabled"}},
		{"TLS files that are not there", "org: acme\nserver:\n  tls: {enabled: true, certFile: gone.pem, keyFile: gone.key}\n", []string{
			"config.yml:3:24: server.tls.certFile: the file gone.pem cannot be read: no such file or directory",
			"config.yml:3:44: server.tls.keyFile: the file gone.key cannot be read: no such file or directory",
		}},
		{"log files without a folder", "org: acme\nlogging: {ephemeral: false, maxSize: 0}\n", []string{
			"config.yml:2:29: logging.maxSize: must be at least 1 byte where logs go to files",
			"config.yml: logging.logDirectory: is missing: log files need a folder, or set logging.ephemeral to true",
		}},
		{"a database nobody knows", "org: acme\ndatabase: {url: 'mysql://x', auditRetention: 1s}\n", []string{
			"config.yml:2:12: database.url: must start with sqlite: or postgres://",
			"config.yml:2:30: database.auditRetention: must be at least 1h",
		}},
		{"a secret's file that is not there", "org: acme\nappID: 1\nprivateKeyFile: gone.pem\n", []string{"config.yml:3:1: privateKeyFile: the file gone.pem cannot be read: no such file or directory"}},
		{"a secret in place of its file", "org: acme\nappID: 1\nprivateKeyFile: c2VjcmV0LWtleQ==\ngithub: {webhookSecretFile: hush-hush}\ndatabase: {urlFile: 'postgres://u:p@h/db'}\n", []string{
			"config.yml:3:1: privateKeyFile: the file cannot be read: no such file or directory",
			"config.yml:4:10: github.webhookSecretFile: the file cannot be read: no such file or directory",
			"config.yml:5:12: database.urlFile: the file cannot be read: no such file or directory",
		}},
		{"sessions that end at once", "org: acme\nconsole: {sessionTTL: 59s}\n", []string{
			"config.yml:2:11: console.sessionTTL: must be at least 1m",
		}},
		{"groups that are polled too often", "org: acme\nfleet: {pollInterval: 999ms, history: 59m}\nalerts: {offlineAfter: 0}\npolicy: {removeOffline: 59m}\n", []string{
			"config.yml:2:9: fleet.pollInterval: must be 0, or at least 1s",
			"config.yml:2:30: fleet.history: must be at least 1h",
			"config.yml:3:10: alerts.offlineAfter: must be more than 0s",
			"config.yml:4:10: policy.removeOffline: must be 0, or at least 1h",
		}},
		{"runners removed that nobody watches", "fleet: {pollInterval: 0}\norgs:\n- org: a\n  policy: {removeOffline: 7d}\n- {org: b}\n", []string{
			"config.yml:4:12: orgs[0].policy.removeOffline: needs fleet.pollInterval, which is 0: only polls show how long a runner is offline",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, mistakes(t, tt.file))
		})
	}
}

// The server is at the root of its host, and so is GitHub: an address with more is refused
// at start, with what to do.
func TestAddressesWithMore(t *testing.T) {
	tests := []struct{ url, want string }{
		{"https://tools.example.com/arm", "must not have a path"},
		{"https://tools.example.com//arm/", "must not have a path"},
		{"https://tools.example.com/%2e", "must not have a path"},
		{"https://tools.example.com?a=b", "must not have a query or fragment"},
		{"https://tools.example.com/?", "must not have a query or fragment"},
		{"https://tools.example.com/#docs", "must not have a query or fragment"},
		{"https://tools.example.com/#", "must not have a query or fragment"},
		{"https://hunter2@tools.example.com", "must not hold a user or password"},
		{"https://u:hunter2@tools.example.com", "must not hold a user or password"},
		{"https://tools.example.com:99999", "must have a port between 1 and 65535, or none"},
		{"https://tools.example.com:", "must have a port between 1 and 65535, or none"},
		{"tools.example.com", "must be a URL that starts with https:// or http://"},
		{"//tools.example.com", "must be a URL that starts with https:// or http://"},
		{"https://tools.example.com", ""},
		{"https://tools.example.com/", ""},
		{"https://tools.example.com:8443", ""},
	}
	for _, tt := range tests {
		for _, key := range []string{"publicURL", "url"} {
			section, remedy := "server", "give it a host of its own, such as https://arm.example.com"
			if key == "url" {
				section, remedy = "github", "give GitHub's own address, such as https://github.com"
			}
			t.Run(key+" "+tt.url, func(t *testing.T) {
				file := "org: acme\n" + section + ": {" + key + ": '" + tt.url + "'}\n"
				if tt.want == "" {
					load(t, file)
					return
				}
				lines := mistakes(t, file)
				require.Len(t, lines, 1)
				assert.Contains(t, lines[0], section+"."+key+": "+tt.want+": ")
				assert.Contains(t, lines[0], remedy)
				assert.NotContains(t, lines[0], "hunter2")
			})
		}
	}
}

func TestMistakesKeepSecrets(t *testing.T) {
	const secret = "hunter2hunter2"
	files := map[string]string{
		"private key":            "org: acme\nappID: 1\nprivateKey: " + secret + "\n",
		"broken block":           "org: acme\nprivateKey: |" + secret + "\n  x\n",
		"broken quotes":          "org: acme\nprivateKey: \"" + secret + "\n",
		"lost indentation":       "org: acme\nprivateKey: |\n" + secret + "\n",
		"as a key":               "org: acme\n" + secret + " " + secret + ": 1\n",
		"in a number's place":    "org: acme\nappID: " + secret + "\n",
		"in an enum's place":     "org: acme\npolicy: {groups: " + secret + "}\n",
		"database":               "org: acme\ndatabase: {url: 'postgres://u:" + secret + "#@h:x/db'}\n",
		"database of another":    "org: acme\ndatabase: {url: 'mysql://u:" + secret + "@h/db'}\n",
		"webhook secret mapping": "org: acme\ngithub: {webhookSecret: {a: " + secret + "}}\n",
		"as an alias":            "org: acme\nprivateKey: *" + secret + "\n",
		"as a directive":         "%YAML " + secret + "\n---\norg: acme\n",
		"as a tag":               "org: !" + secret + " []\n",
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			assert.NotContains(t, strings.Join(mistakes(t, file), "\n"), secret)
		})
	}
}

// A synonym leads to one key of its section, and is not a key itself.
func TestSynonyms(t *testing.T) {
	var check func(kind reflect.Type)
	check = func(kind reflect.Type) {
		meanings := map[string]string{}
		for _, f := range fieldsOf(kind) {
			for _, name := range append(f.names(), f.synonyms...) {
				name = strings.ToLower(name)
				assert.NotContains(t, meanings, name, "%s of %s is %s, too", name, kind, meanings[name])
				meanings[name] = f.name
			}
			if f.isSection() {
				check(f.kind)
			}
		}
	}
	check(reflect.TypeFor[Config]())
	check(reflect.TypeFor[Organization]())
}

func TestNoYAMLIsOneMistake(t *testing.T) {
	lines := mistakes(t, "org: acme\nserver: [\n")
	assert.Len(t, lines, 1)
	assert.Regexp(t, `^config\.yml:2:\d+: is not YAML from here on: .+$`, lines[0])
}
