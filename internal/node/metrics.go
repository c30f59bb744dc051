package node

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// figures are read from the database when somebody asks for them, so that they
// are right after a restart and the same on every process. They name states
// and tiers, never people or items.
type figures struct{ node *Node }

var (
	queueFigure = prometheus.NewDesc("brdo_queue_items", "Items that wait, by state and tier.", []string{"state", "tier"}, nil)
	ageFigure   = prometheus.NewDesc("brdo_queue_oldest_seconds", "Age of the oldest item that waits, by state and tier.", []string{"state", "tier"}, nil)
	jobFigure   = prometheus.NewDesc("brdo_jobs", "Jobs by state; dead ones need a person.", []string{"state"}, nil)
	logFigure   = prometheus.NewDesc("brdo_log_records", "Records in the tamper-evident log.", nil, nil)
	listFigure  = prometheus.NewDesc("brdo_match_entries", "Entries in the live match index.", nil, nil)
	waitFigure  = prometheus.NewDesc("brdo_envelopes_waiting", "Envelopes without a signed receipt.", nil, nil)
	oldFigure   = prometheus.NewDesc("brdo_envelopes_oldest_seconds", "Age of the oldest envelope without a signed receipt; 0 when there is none.", nil, nil)
	gapFigure   = prometheus.NewDesc("brdo_envelope_gaps", "Ranges of numbers of other nodes' envelopes that have not arrived.", nil, nil)
	alarmFigure = prometheus.NewDesc("brdo_exchange_alarms", "Peers with an open alarm, by kind: each needs a person.", []string{"kind"}, nil)
	limitFigure = prometheus.NewDesc("brdo_api_refused_total", "Questions of API keys over their limit, refused by this process, by source; without a source: keys that submit nothing.", []string{"source"}, nil)
	spareFigure = prometheus.NewDesc("brdo_api_reserve_total", "Pressing questions that only the reserve let through, by source.", []string{"source"}, nil)
	doorFigure  = prometheus.NewDesc("brdo_door_refused_total", "Requests that this process turned away because it had too much to do, by door: api, peers, pages.", []string{"door"}, nil)
	firstFigure = prometheus.NewDesc("brdo_door_reserve_total", "Urgent requests that only the reserve let in, by door.", []string{"door"}, nil)
	busyFigure  = prometheus.NewDesc("brdo_door_requests", "Requests at each door now: worked on, or waiting.", []string{"door", "state"}, nil)
	doubtFigure = prometheus.NewDesc("brdo_list_entries_in_doubt", "List entries suspended because their decision was opened again; each needs a person.", nil, nil)
	lagFigure   = prometheus.NewDesc("brdo_list_exchange_lag_seconds", "Age of what is here of an exchange of lists, by its name; none before all was read once.", []string{"exchange"}, nil)
	failFigure  = prometheus.NewDesc("brdo_list_exchange_failures", "Rounds at an exchange of lists that failed since one succeeded.", []string{"exchange"}, nil)
	staleFigure = prometheus.NewDesc("brdo_list_exchange_stale", "1 when no round at an exchange succeeded for longer than the operator allows.", []string{"exchange"}, nil)
	leftFigure  = prometheus.NewDesc("brdo_content_forgotten_total", "Sealed content that no row named and that this process forgot.", nil, nil)
	boxFigure   = prometheus.NewDesc("brdo_sandbox", "1 when pictures are decoded in the full sandbox.", nil, nil)
)

func (f figures) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(f, out) }

func (f figures) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, l := range f.node.machines.LimitFigures() {
		out <- prometheus.MustNewConstMetric(limitFigure, prometheus.CounterValue, float64(l.Refused), l.Source)
		out <- prometheus.MustNewConstMetric(spareFigure, prometheus.CounterValue, float64(l.Reserved), l.Source)
	}
	for name, d := range f.node.doors {
		at := d.Figures()
		out <- prometheus.MustNewConstMetric(doorFigure, prometheus.CounterValue, float64(at.Refused), name)
		out <- prometheus.MustNewConstMetric(firstFigure, prometheus.CounterValue, float64(at.Reserved), name)
		gauge(busyFigure, float64(at.Inside), name, "working")
		gauge(busyFigure, float64(at.Waiting), name, "waiting")
	}
	out <- prometheus.MustNewConstMetric(leftFigure, prometheus.CounterValue, float64(f.node.Intake.Forgotten()))
	gauge(listFigure, float64(f.node.Index.Len()))
	sandboxed := 0.0
	if f.node.Decoder.State().Sandboxed {
		sandboxed = 1
	}
	gauge(boxFigure, sandboxed)
	now := f.node.Ledger.Now()
	err := f.node.Store.Read(ctx, func(tx *store.Tx) error {
		queue, err := tx.QueueFigures("open", "awaiting-second", "adjudication")
		if err != nil {
			return err
		}
		for _, q := range queue {
			gauge(queueFigure, float64(q.Waiting), q.State, q.Tier)
			gauge(ageFigure, now.Sub(q.Oldest).Seconds(), q.State, q.Tier)
		}
		jobs, err := tx.CountJobs()
		if err != nil {
			return err
		}
		for _, state := range []store.JobState{store.JobWaiting, store.JobRunning, store.JobDone, store.JobDead} {
			gauge(jobFigure, float64(jobs[state]), string(state))
		}
		size, err := tx.LogSize()
		if err != nil {
			return err
		}
		gauge(logFigure, float64(size))
		doubtful, err := tx.CountDoubtfulEntries("")
		gauge(doubtFigure, float64(doubtful))
		if err != nil {
			return err
		}
		waiting, err := tx.CountEnvelopesWaiting()
		gauge(waitFigure, float64(waiting))
		if err != nil {
			return err
		}
		if err := exchangeFigures(tx, now, gauge); err != nil {
			return err
		}
		return f.listExchanges(tx, now, gauge)
	})
	if err != nil {
		f.node.log.ErrorContext(ctx, "figures could not be read", "error", err)
	}
}

// listExchanges tells how lists stand that are fetched.
func (f figures) listExchanges(tx *store.Tx, now time.Time, gauge func(*prometheus.Desc, float64, ...string)) error {
	for _, x := range f.node.Config.ListExchanges {
		at, err := lists.Standing(tx, x.named(), now)
		if err != nil {
			return err
		}
		if at.List.ID == "" {
			continue
		}
		if at.Lag >= 0 {
			gauge(lagFigure, at.Lag.Seconds(), x.Name)
		}
		stale := 0.0
		if at.Stale {
			stale = 1
		}
		gauge(staleFigure, stale, x.Name)
		gauge(failFigure, float64(at.Failures), x.Name)
	}
	return nil
}

func exchangeFigures(tx *store.Tx, now time.Time, gauge func(*prometheus.Desc, float64, ...string)) error {
	oldest, err := tx.OldestEnvelopeWaiting()
	if err != nil {
		return err
	}
	age := 0.0
	if !oldest.IsZero() {
		age = now.Sub(oldest).Seconds()
	}
	gauge(oldFigure, age)
	gaps, err := tx.CountGaps()
	if err != nil {
		return err
	}
	gauge(gapFigure, float64(gaps))
	alarms, err := tx.OpenExchangeAlarms()
	if err != nil {
		return err
	}
	open := map[string]int{}
	for _, alarm := range alarms {
		open[alarm.Kind]++
	}
	for _, kind := range peer.AlarmKinds {
		gauge(alarmFigure, float64(open[kind]), kind)
	}
	return nil
}

// Metrics serves the figures at /metrics, for the address of metrics.listen.
// They stand apart from everything else because they have no login: behind a
// proxy every request comes from this machine, so that nothing of a request
// would tell who asks.
func (n *Node) Metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(figures{n})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}
