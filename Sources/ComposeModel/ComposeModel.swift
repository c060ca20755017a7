/// The names under which a Compose file is looked for in a directory, best first.
package let defaultFileNames = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"]
