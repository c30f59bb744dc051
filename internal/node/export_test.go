package node

// Reference is one of the pictures that the demonstration's lists know.
func Reference(i int) []byte { return reference(i) }
