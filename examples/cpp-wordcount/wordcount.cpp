// Counts the words of every file in a folder, one thread a file, and prints the most frequent.

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <future>
#include <iomanip>
#include <iostream>
#include <map>
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

static void print_most_frequent(const Counts &counts, std::size_t limit) {
    std::vector<std::pair<std::string, std::size_t>> ranking(counts.begin(), counts.end());
    // Equal counts stay in alphabetical order: the map was sorted, and the sort is stable.
    std::stable_sort(ranking.begin(), ranking.end(),
                     [](const auto &a, const auto &b) { return a.second > b.second; });
    if (ranking.size() > limit) ranking.resize(limit);
    for (const auto &[word, count] : ranking) std::cout << std::setw(8) << count << ' ' << word << '\n';
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
