// Counts the words of every file in a folder, one thread a file, and ranks them with SQLite.

#include <cctype>
#include <filesystem>
#include <fstream>
#include <future>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <sqlite3.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace fs = std::filesystem;
using Counts = std::map<std::string, std::size_t>;

static Counts count_words(const fs::path &file) {
    std::ifstream input(file);
    if (!input) throw std::runtime_error("cannot read " + file.string());
    Counts counts;
    std::string word;
    // One step beyond the last character, so that a word at the very end is counted too.
    for (int character = 0; character != EOF;) {
        character = input.get();
        if (character != EOF && std::isalpha(character)) {
            word += static_cast<char>(std::tolower(character));
        } else if (!word.empty()) {
            ++counts[word];
            word.clear();
        }
    }
    return counts;
}

static Counts count_folder(const fs::path &folder) {
    std::vector<std::future<Counts>> parts;
    for (const auto &entry : fs::directory_iterator(folder)) {
        if (entry.is_symlink() || !entry.is_regular_file()) continue;
        parts.push_back(std::async(std::launch::async, count_words, entry.path()));
    }
    Counts total;
    for (auto &part : parts) {
        // An exception thrown in a thread comes out here.
        for (const auto &[word, count] : part.get()) total[word] += count;
    }
    return total;
}

// A statement or a database of SQLite, with whoever gives it back.
using Database = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;
using Statement = std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)>;

static Statement prepare(const Database &database, const char *sql) {
    sqlite3_stmt *statement = nullptr;
    if (sqlite3_prepare_v2(database.get(), sql, -1, &statement, nullptr) != SQLITE_OK)
        throw std::runtime_error(sqlite3_errmsg(database.get()));
    return {statement, sqlite3_finalize};
}

static void print_most_frequent(const Counts &counts, std::size_t limit) {
    sqlite3 *opened = nullptr;
    if (sqlite3_open(":memory:", &opened) != SQLITE_OK) throw std::runtime_error("cannot open a database in memory");
    const Database database(opened, sqlite3_close);
    sqlite3_step(prepare(database, "CREATE TABLE words (word TEXT PRIMARY KEY, count INTEGER)").get());
    const Statement insert = prepare(database, "INSERT INTO words VALUES (?, ?)");
    for (const auto &[word, count] : counts) {
        sqlite3_bind_text(insert.get(), 1, word.c_str(), -1, SQLITE_TRANSIENT);
        sqlite3_bind_int64(insert.get(), 2, static_cast<sqlite3_int64>(count));
        if (sqlite3_step(insert.get()) != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(opened));
        sqlite3_reset(insert.get());
    }
    const Statement ranking = prepare(database, "SELECT count, word FROM words ORDER BY count DESC, word LIMIT ?");
    sqlite3_bind_int64(ranking.get(), 1, static_cast<sqlite3_int64>(limit));
    while (sqlite3_step(ranking.get()) == SQLITE_ROW)
        std::cout << std::setw(8) << sqlite3_column_int64(ranking.get(), 0) << ' ' << sqlite3_column_text(ranking.get(), 1)
                  << '\n';
}

int main(int argc, char **argv) {
    if (argc != 3) {
        std::cerr << "usage: wordcount FOLDER LIMIT\n";
        return 2;
    }
    try {
        print_most_frequent(count_folder(argv[1]), std::stoul(argv[2]));
        return 0;
    } catch (const std::exception &error) {
        std::cerr << "wordcount: " << error.what() << '\n';
        return 1;
    }
}
