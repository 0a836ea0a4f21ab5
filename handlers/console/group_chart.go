package console

import g "maragu.dev/gomponents"

// chart draws how many runners of the group were idle, busy and offline lately.
func (v *visit) chart(groupID int64) g.Node {
	return nil
}

// live answers with the parts of the group's page that refresh by themselves.
func (v *visit) live() { v.nowhere() }
