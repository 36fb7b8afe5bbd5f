// Package authenticator knows who may come in: names and bcrypt hashes in a file.
package authenticator

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"harbour/serve"
)

// New reads $USERS, a file of NAME:HASH lines.
func New() (http.Handler, error) {
	users, err := read(serve.Setting("USERS", "/etc/harbour/users"))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /authenticate", func(out http.ResponseWriter, request *http.Request) {
		name, password, _ := request.BasicAuth()
		hash, known := users[name]
		if bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) != nil || !known {
			http.Error(out, "no such user, or another password", http.StatusUnauthorized)
			return
		}
		serve.JSON(out, map[string]string{"user": name})
	})
	return mux, nil
}

func read(path string) (map[string]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	users := map[string]string{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		name, hash, found := strings.Cut(lines.Text(), ":")
		if !found {
			return nil, fmt.Errorf("%s: expected NAME:HASH in each line", path)
		}
		users[name] = hash
	}
	return users, lines.Err()
}
