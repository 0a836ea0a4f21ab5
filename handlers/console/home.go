package console

func (v *visit) home()  { v.write(200, page{title: "My groups", here: Path}) }
func (v *visit) all()   { v.write(200, page{title: "All groups", here: Path + "/all"}) }
func (v *visit) group() { v.write(200, page{title: v.team}) }
