package exchangetest

import (
	"net/url"
	"sync"
)

// questions keeps what a server was asked for; its mutex is for all that the server holds.
type questions struct {
	mutex sync.Mutex
	asked []url.Values
}

// Asked returns what was asked for since the last call.
func (q *questions) Asked() []url.Values {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	asked := q.asked
	q.asked = nil
	return asked
}
