package ghsim

import "net/http"

// page gives the handler of a web page, or nil where the path is the API's.
func (s *Server) page(method, path string) http.HandlerFunc {
	return nil
}
