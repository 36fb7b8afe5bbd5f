// Package serve is what the three servers share: how they listen, tell how they are, and end.
package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Largest is the most bytes that a request's body may have.
const Largest = 64 << 10

// Main serves a server's handlers on $PORT until it is asked to end, with /healthz and /metrics beside them.
func Main(name string, server func() (http.Handler, error)) {
	if err := run(name, server); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

func run(name string, server func() (http.Handler, error)) error {
	handler, err := server()
	if err != nil {
		return err
	}
	answered := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "harbour", Subsystem: name, Name: "requests_total", Help: "Requests by status.",
	}, []string{"code", "method"})
	prometheus.MustRegister(answered)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(out http.ResponseWriter, _ *http.Request) { fmt.Fprintln(out, "ok") })
	mux.Handle("GET /metrics", promhttp.Handler())
	mux.Handle("/", promhttp.InstrumentHandlerCounter(answered, http.MaxBytesHandler(handler, Largest)))

	asked, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	listener := &http.Server{Addr: ":" + Setting("PORT", "8080"), Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- listener.ListenAndServe() }()
	fmt.Fprintf(os.Stderr, "%s: listening on %s\n", name, listener.Addr)
	select {
	case err := <-ended:
		return err
	case <-asked.Done():
		patience, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return listener.Shutdown(patience)
	}
}

// Setting is an environment variable, or what it is without.
func Setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// JSON answers with a value.
func JSON(out http.ResponseWriter, value any) {
	out.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(out).Encode(value)
}
