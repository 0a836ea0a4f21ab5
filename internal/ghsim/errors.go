package ghsim

import (
	"net/http"
)

const docs = "https://docs.github.com/rest"

// failure is an error in the form that GitHub gives them.
func failure(status int, message, documentation string) answer {
	return answer{status: status, body: obj{"message": message, "documentation_url": documentation, "status": itoa(status)}}
}

func notFound(doc string) answer {
	return failure(http.StatusNotFound, "Not Found", docs+doc)
}

func forbidden(message string) answer {
	return failure(http.StatusForbidden, message, docs)
}

// notAccessible is GitHub's refusal of a token that lacks a permission.
func notAccessible(c *call, permission string) answer {
	a := forbidden("Resource not accessible by integration")
	if c.who.user != nil {
		a = forbidden("Resource not accessible by personal access token")
	}
	a.set("X-Accepted-Github-Permissions", permission)
	return a
}

func unauthorized() answer {
	return failure(http.StatusUnauthorized, "Requires authentication", docs)
}

func conflict(message string) answer {
	return failure(http.StatusConflict, message, docs)
}

// invalid is GitHub's 422 with a list of fields.
func invalid(resource, field, code, message string) answer {
	item := obj{"resource": resource, "field": field, "code": code}
	if message != "" {
		item["message"] = message
	}
	a := failure(http.StatusUnprocessableEntity, "Validation Failed", docs)
	a.body.(obj)["errors"] = []any{item}
	return a
}

// unprocessable is GitHub's 422 with only a sentence.
func unprocessable(message string) answer {
	return failure(http.StatusUnprocessableEntity, message, docs)
}

func badJSON() answer {
	return failure(http.StatusBadRequest, "Problems parsing JSON", docs)
}

// rateLimited is GitHub's answer if the primary limit is used up.
func rateLimited(c *call) answer {
	who := "user ID " + itoa(0)
	switch {
	case c.who.inst != nil:
		who = "installation ID " + itoa(c.who.inst.ID)
	case c.who.user != nil:
		who = "user ID " + itoa(c.who.user.ID)
	case c.who.kind == "none":
		who = c.who.address
	}
	return failure(http.StatusForbidden, "API rate limit exceeded for "+who+". If you reach out to GitHub Support for help, please include the request ID.",
		"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api")
}
