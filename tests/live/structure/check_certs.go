// Stands in for distroless's program of this name: exits 0 if Go finds certificate authorities where it looks for them.
package main

import (
	"crypto/x509"
	"fmt"
	"os"
)

func main() {
	pool, err := x509.SystemCertPool()
	if err != nil || pool.Equal(x509.NewCertPool()) {
		fmt.Fprintln(os.Stderr, "no certificate authorities:", err)
		os.Exit(1)
	}
}
