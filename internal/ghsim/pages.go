package ghsim

import "slices"

// View calls look with the state, which it must not change or keep.
func (s *Server) View(look func(*State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	look(&s.state)
}

// Changes returns how often the state has changed, whether the server is closed, and a
// channel that is closed at the next change.
func (s *Server) Changes() (version uint64, closed bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version, s.closed, s.watch()
}

// Suggestions are the lines that an issue's form offers.
func (s *Server) Suggestions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.suggestions)
}
